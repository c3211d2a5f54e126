from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgecnn.calibration.fp32_islands import guard_islands
from edgecnn.calibration.kept import fusion_of
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.calibration.sessions import optimised, session_of


def _quantized(model, data, **settings):
    prepared = prepare(model)
    return prepared, insert_qdq(prepared, estimate_ranges(prepared, lambda: [data]), **settings)


@pytest.mark.parametrize("activations", ["uint8", "int8"])
@pytest.mark.parametrize("layer", ["conv0", "conv1", "dense"])
def test_an_excluded_layer_runs_in_fp32(graphs, layer, activations):
    """ONNX Runtime would quantize it all the same, per tensor, as it loads the file."""
    data = graphs.pictures()
    _, quantized = _quantized(graphs.conv_chain(), data, exclude=[layer], activations=activations)
    fusion = fusion_of(quantized)
    # On x86 signed activations leave others in FP32 as well.
    assert any(layer in name for name in fusion.kept)
    if activations == "uint8":
        assert (len(fusion.kept), len(fusion.fused)) == (1, 3)


def test_what_is_excluded_keeps_its_weights(graphs):
    """The optimised graph holds them as they were, to the last bit."""
    model = graphs.conv_chain()
    _, quantized = _quantized(model, graphs.pictures(), exclude=["conv1"])
    before = next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "conv1_w")
    run = optimised(quantized, basic=True)
    convolutions = [n for n in run.graph.node if n.op_type == "Conv" and "conv1" in n.name]
    constants = {t.name: numpy_helper.to_array(t) for t in run.graph.initializer}
    assert [np.array_equal(constants[n.input[1]], before) for n in convolutions] == [True]


def test_the_guard_changes_no_value(graphs):
    data = graphs.pictures()
    prepared = prepare(graphs.conv_chain())
    quantized = insert_qdq(
        prepared, estimate_ranges(prepared, lambda: [data]), exclude=["conv1", "dense"]
    )
    bare = onnx.ModelProto()
    bare.CopyFrom(quantized)
    makers = {name: node for node in bare.graph.node for name in node.output}
    for node in bare.graph.node:
        if node.name in ("conv1", "dense"):
            guard = makers[node.input[0]]
            constants = {t.name: t for t in bare.graph.initializer}
            for name in guard.input[1:]:
                values = numpy_helper.to_array(constants[name])
                assert len(set(values.tolist())) == 1
                constants[name].CopyFrom(numpy_helper.from_array(values[:1].reshape(()), name))
            guard.ClearField("attribute")
    # Without optimisation nothing is quantized behind one's back.
    outputs = [_plain(model, data) for model in (bare, quantized)]
    assert np.array_equal(*outputs)


def _plain(model, data):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, data)[0]


def test_a_graph_without_pairs_is_left_alone(graphs):
    prepared = prepare(graphs.conv_chain())
    before = prepared.SerializeToString()
    assert guard_islands(prepared) == ()
    assert prepared.SerializeToString() == before
    assert session_of(prepared) is not None
