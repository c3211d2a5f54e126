from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.kept import kept_fp32
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.calibration.sessions import optimised
from edgecnn.errors import ModelError
from edgecnn.export.quantized import quantized_operator


@pytest.fixture(scope="module")
def prepared(fp32) -> onnx.ModelProto:
    return prepare(onnx.load(fp32))


@pytest.fixture(scope="module")
def ranges(prepared, calibration, metadata):
    return estimate_ranges(prepared, lambda: [calibration.inputs(metadata.input)])


def _initializers(model):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def _scales_of(model, operator):
    """Scale and zero point of each of an operator's quantized weights."""
    made = {name: node for node in model.graph.node for name in node.output}
    weights = _initializers(model)
    for node in model.graph.node:
        if node.op_type == operator:
            dequantize = made[node.input[1]]
            yield tuple(weights[name] for name in dequantize.input)


def test_weights_are_signed_and_per_channel(prepared, ranges):
    quantized = insert_qdq(prepared, ranges)
    for operator, channels in (("Conv", {8, 16}), ("Gemm", {3})):
        seen = set()
        for weight, scale, zero_point in _scales_of(quantized, operator):
            assert weight.dtype == zero_point.dtype == np.int8
            assert not zero_point.any()
            seen.add(scale.size)
        assert seen == channels


@pytest.mark.parametrize(("kind", "dtype"), [("uint8", np.uint8), ("int8", np.int8)])
def test_activations_are_of_the_kind_asked_for(prepared, ranges, kind, dtype):
    quantized = insert_qdq(prepared, ranges, activations=kind)
    weights = _initializers(quantized)
    points = [weights[n.input[2]] for n in quantized.graph.node if n.op_type == "QuantizeLinear"]
    assert len(points) >= 4
    assert {point.dtype.type for point in points} == {dtype}


def test_reduced_range_keeps_weights_within_seven_bits(prepared, ranges):
    full, reduced = (
        max(int(np.abs(w.astype(int)).max()) for w, _, _ in _scales_of(model, "Conv"))
        for model in (
            insert_qdq(prepared, ranges),
            insert_qdq(prepared, ranges, reduce_range=True),
        )
    )
    assert full == 127
    assert reduced <= 64


def test_every_convolution_and_product_runs_in_8_bits(prepared, ranges):
    quantized = insert_qdq(prepared, ranges)
    onnx.checker.check_model(quantized, full_check=True)
    assert kept_fp32(quantized) == ()
    made = Counter(node.op_type for node in optimised(quantized, basic=False).graph.node)
    assert made["QLinearConv"] == 2
    assert made["QGemm"] == 1


def test_excluded_node_stays_fp32_and_is_named(prepared, ranges):
    name = next(node.name for node in prepared.graph.node if node.op_type == "Conv")
    kept = kept_fp32(insert_qdq(prepared, ranges, exclude=[name]))
    assert len(kept) == 1


def test_last_sums_stay_float(prepared, ranges):
    """With logits of 8 bits, two of them would often be equal."""
    quantized = insert_qdq(prepared, ranges)
    last = {name: node.op_type for node in quantized.graph.node for name in node.output}
    assert last["logits"] == "Gemm"
    used = {name for node in quantized.graph.node for name in node.input}
    assert {t.name for t in quantized.graph.initializer} <= used


def test_the_model_given_is_not_changed(prepared, ranges):
    before = prepared.SerializeToString(deterministic=True)
    insert_qdq(prepared, ranges)
    assert prepared.SerializeToString(deterministic=True) == before


def test_logging_is_as_before(prepared, ranges, caplog):
    before = logging.root.manager.disable
    insert_qdq(prepared, ranges)
    assert logging.root.manager.disable == before
    assert [r for r in caplog.records if r.name == "root"] == []


def test_nothing_to_quantize():
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Exp", ["x"], ["y"], name="e")],
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 2])],
        [value("y", TensorProto.FLOAT, ["batch", 2])],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = prepare(helper.make_model(graph, opset_imports=opsets, ir_version=10))
    ranges = estimate_ranges(model, lambda: [{"x": np.ones((1, 2), np.float32)}])
    with pytest.raises(ModelError, match="nothing in this network can be quantized"):
        insert_qdq(model, ranges)


def test_the_operators_tell(prepared, ranges):
    assert quantized_operator(prepared) is None
    assert quantized_operator(insert_qdq(prepared, ranges)) in (
        "QuantizeLinear",
        "DequantizeLinear",
    )
