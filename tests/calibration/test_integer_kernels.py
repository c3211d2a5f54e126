from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from edgecnn.calibration.integer_kernels import use_pooling
from edgecnn.calibration.kept import fusion_of
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.calibration.sessions import optimised, session_of


def _kinds(model):
    return {node.op_type for node in model.graph.node}


@pytest.mark.parametrize("activations", ["uint8", "int8"])
def test_gates_are_looked_up(graphs, activations):
    """Nothing of MobileNetV3's block is left in FP32 but the answer."""
    data = graphs.pictures(64)
    prepared = prepare(graphs.mobile_net())
    quantized = insert_qdq(
        prepared, estimate_ranges(prepared, lambda: [data]), activations=activations
    )
    assert "HardSigmoid" not in _kinds(quantized)
    run = optimised(quantized, basic=False)
    if activations == "uint8":
        assert {"QLinearLeakyRelu", "QLinearGlobalAveragePool", "QLinearMul"} <= _kinds(run)
        assert fusion_of(quantized).conversions == 1
    reference, answer = (session_of(m).run(None, data)[0] for m in (prepared, quantized))
    noise = np.mean((reference - answer) ** 2)
    assert 10 * np.log10(np.mean(reference**2) / noise) > 25


@pytest.mark.parametrize("activations", ["uint8", "int8"])
def test_the_table_is_the_function_within_a_step(graphs, activations):
    """Rounded to its own corners, a byte read as 0 to 1 is the hard sigmoid."""
    g = graphs.GraphMaker()
    x = g.conv("input", (4, 3, 1, 1), name="conv", scale=3)
    gate = g.add("HardSigmoid", x, name="gate", alpha=1 / 6, beta=0.5)
    back = g.conv(gate, (4, 4, 1, 1), name="after")
    model = g.model(g.add("Flatten", back), [4 * 144])
    data = graphs.pictures(32)
    prepared = prepare(model)
    quantized = insert_qdq(
        prepared, estimate_ranges(prepared, lambda: [data]), activations=activations
    )
    gate = next(n for n in quantized.graph.node if n.op_type == "LeakyRelu")
    rounded = next(n for n in quantized.graph.node if gate.output[0] in n.input)
    read = next(n for n in quantized.graph.node if rounded.output[0] in n.input)
    quantized.graph.output.append(helper.make_empty_tensor_value_info(gate.input[0]))
    quantized.graph.output.append(helper.make_empty_tensor_value_info(read.output[0]))
    values, table = session_of(quantized).run([gate.input[0], read.output[0]], data)
    exact = np.clip(values / 6 + 0.5, 0, 1)
    assert np.abs(table - exact).max() < 1.01 / 255
    # At both ends it is exact: what is saturated stays so.
    assert table[values > 3.1].min() == pytest.approx(1.0, abs=1e-6)
    assert table[values < -3.1].max() == 0


def test_hard_swish_is_written_as_its_parts(graphs):
    g = graphs.GraphMaker()
    x = g.add("HardSwish", g.conv("input", (4, 3, 3, 3), name="conv"), name="swish")
    model = g.model(g.add("Flatten", x), [400])
    before = session_of(model).run(None, graphs.pictures())[0]
    assert use_pooling(model)
    assert "HardSwish" not in _kinds(model)
    assert np.abs(session_of(model).run(None, graphs.pictures())[0] - before).max() < 1e-5


@pytest.mark.parametrize(
    ("axes", "keepdims", "pooled"),
    [
        ([2, 3], 1, True),
        ([-1, -2], 1, True),
        ([2, 3], 0, False),
        ([1, 2], 1, False),
        ([3], 1, False),
    ],
)
def test_only_a_mean_over_the_whole_picture_is_pooled(graphs, axes, keepdims, pooled):
    g = graphs.GraphMaker()
    g.constant("axes", np.array(axes, np.int64))
    mean = g.add(
        "ReduceMean", g.conv("input", (4, 3, 3, 3), name="conv"), "axes", keepdims=keepdims
    )
    flat = g.add("Flatten", mean)
    model = g.model(flat, ["m"])
    before = session_of(model).run(None, graphs.pictures())[0]
    prepared = prepare(model)
    assert ("GlobalAveragePool" in _kinds(prepared)) == pooled
    assert np.abs(session_of(prepared).run(None, graphs.pictures())[0] - before).max() < 1e-5
