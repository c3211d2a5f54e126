from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from edgecnn.calibration.bias_correction import bias_corrections, raised_biases
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.calibration.sessions import session_of
from edgecnn.export.taps import add_taps
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def coarse(graphs):
    """A chain with weights so uneven that rounding shifts whole channels."""
    g = graphs.GraphMaker()
    x = g.conv("input", (8, 3, 3, 3), name="conv0")
    x = g.add("Relu", g.conv(x, (8, 8, 3, 3), name="conv1"))
    flat = g.add("Flatten", g.add("GlobalAveragePool", x))
    model = g.model(g.gemm(flat, 8, 4, name="dense"), [4])
    for tensor in model.graph.initializer:
        if tensor.name.endswith("_w"):
            values = numpy_helper.to_array(tensor).copy()
            values[:, :1] *= 40
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return prepare(model)


def _means(model, data):
    """Mean of the first layer's output by channel."""
    name = next(n for n in model.graph.node if n.name == "conv0").output[0]
    return session_of(add_taps(model, [name])).run([name], data)[0].mean(axis=(0, 2, 3))


def test_the_shift_of_the_first_layer_is_taken_back(graphs, coarse):
    """Its input is the same in both, so what is left after correction is little."""
    data = graphs.pictures(32)
    ranges = estimate_ranges(coarse, lambda: [data])
    quantized = insert_qdq(coarse, ranges)
    corrections = bias_corrections(coarse, quantized, [data])
    assert set(corrections) == {"conv0", "conv1", "dense"}
    before_all = coarse.SerializeToString()
    with raised_biases(coarse, corrections):
        raised = insert_qdq(coarse, ranges)
    # The graph is as it was, and the new one holds no bias that nothing reads.
    assert coarse.SerializeToString() == before_all
    read = {name for node in raised.graph.node for name in node.input}
    assert {tensor.name for tensor in raised.graph.initializer} <= read
    # As it is computed without rounding the output: weights and input rounded.
    reference, before, after = (_means(model, data) for model in (coarse, quantized, raised))
    assert np.abs(before - reference).max() > 0.01
    # What is left is the rounding of the bias itself, and of the output.
    assert np.sum((after - reference) ** 2) < 0.2 * np.sum((before - reference) ** 2)


def test_batches_of_any_size_give_the_same(graphs, coarse):
    data = graphs.pictures(12)
    quantized = insert_qdq(coarse, estimate_ranges(coarse, lambda: [data]))
    whole = bias_corrections(coarse, quantized, [data])
    parts = bias_corrections(
        coarse, quantized, [{"input": data["input"][a:b]} for a, b in ((0, 5), (5, 12))]
    )
    for name, shift in whole.items():
        assert parts[name] == pytest.approx(shift, abs=1e-5)
    assert bias_corrections(coarse, quantized, []) == {}


def test_layers_in_fp32_are_left_alone(graphs, coarse):
    data = graphs.pictures(8)
    ranges = estimate_ranges(coarse, lambda: [data])
    assert "conv1" not in bias_corrections(
        coarse, insert_qdq(coarse, ranges, exclude=["conv1"]), [data]
    )


def test_the_file_tells(fp32, calibration, tmp_path):
    out = tmp_path / "o.onnx"
    report = quantize_model(
        fp32, out, calibration, samples=32, seconds=0.05, bias_correction=True, allow_slower=True
    )
    assert report.bias_corrected
    assert load_model(out, provider="cpu").metadata.provenance.quantization.bias_corrected
