"""A batch normalisation behind an activation is quantized with the rest, and changes nothing."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.lone_norms import norms_as_convolutions
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.calibration.sessions import optimised, session_of
from edgecnn.calibration.target import has_vnni


def _network(*, flat: bool = False) -> onnx.ModelProto:
    """Make convolution, ReLU, norm, pooling, convolution; or a norm of two axes behind it all."""
    rng = np.random.default_rng(0)
    norm = (rng.normal(0, 1, 8), rng.normal(0, 1, 8), rng.normal(0, 1, 8), rng.uniform(0.2, 2, 8))
    values = {
        "w1": rng.normal(0, 0.4, (8, 2, 5)),
        "b1": rng.normal(0, 0.1, 8),
        **dict(zip(("scale", "shift", "mean", "variance"), norm, strict=True)),
        "w2": rng.normal(0, 0.3, (8, 8, 3)),
        "w3": rng.normal(0, 0.3, (8, 4)),
    }
    names = ("scale", "shift", "mean", "variance")
    norm_node = ("BatchNormalization", {"epsilon": 1e-3})
    steps = [
        ("Conv", ("w1", "b1"), {"pads": [2, 2]}),
        ("Relu", (), {}),
        *([] if flat else [(norm_node[0], names, norm_node[1])]),
        ("MaxPool", (), {"kernel_shape": [2], "strides": [3]}),
        ("Conv", ("w2",), {"pads": [1, 1]}),
        ("GlobalAveragePool", (), {}),
        ("Flatten", (), {}),
        *([("Relu", (), {}), (norm_node[0], names, norm_node[1])] if flat else []),
        ("MatMul", ("w3",), {}),
    ]
    nodes, last = [], "signal"
    for place, (kind, inputs, attributes) in enumerate(steps):
        out = "logits" if place == len(steps) - 1 else f"x{place}"
        nodes.append(helper.make_node(kind, [last, *inputs], [out], f"n{place}", **attributes))
        last = out
    graph = helper.make_graph(
        nodes,
        "lone",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, ["N", 2, 60])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in values.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _signals(count: int = 32) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {"signal": rng.normal(size=(count, 2, 60)).astype(np.float32)}


def _kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_a_norm_behind_an_activation_becomes_a_convolution():
    model = _network()
    prepared = prepare(model)
    assert "BatchNormalization" not in _kinds(prepared)
    assert _kinds(prepared).count("Conv") == 3
    onnx.checker.check_model(prepared, full_check=True)
    answers = [session_of(one).run(None, _signals())[0] for one in (model, prepared)]
    np.testing.assert_allclose(*answers, atol=1e-5)
    # What it was made of is gone.
    assert not {"scale", "mean"} & {tensor.name for tensor in prepared.graph.initializer}


def test_nothing_of_it_is_left_in_fp32():
    prepared = prepare(_network())
    ranges = estimate_ranges(prepared, lambda start=0: [_signals()])
    quantized = insert_qdq(prepared, ranges, reduce_range=not has_vnni())
    kinds = _kinds(optimised(quantized, basic=False))
    assert kinds.count("QLinearConv") == 3
    assert "BatchNormalization" not in kinds
    # One conversion at the way in, one at the way out.
    assert kinds.count("QuantizeLinear") == 1
    exact, rounded = (session_of(m).run(None, _signals())[0] for m in (prepared, quantized))
    assert np.abs(exact - rounded).max() < 0.05 * np.ptp(exact)


@pytest.mark.parametrize("cut", ["rank", "numbers"])
def test_what_is_no_such_convolution_stays(cut):
    model = _network(flat=cut == "rank")
    if cut == "numbers":
        # Numbers that come with the input are not known beforehand.
        chosen = next(t for t in model.graph.initializer if t.name == "scale")
        model.graph.initializer.remove(chosen)
        model.graph.input.append(helper.make_tensor_value_info("scale", TensorProto.FLOAT, [8]))
    inferred = onnx.shape_inference.infer_shapes(model)
    before = inferred.SerializeToString()
    assert norms_as_convolutions(inferred) == ()
    assert inferred.SerializeToString() == before
