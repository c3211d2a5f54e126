from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.errors import ModelError, UsageError
from edgecnn.export import opset as opsets
from edgecnn.export.opset import convert_opset, lower_ir_version, opset_of
from edgecnn.export.taps import run_tapped

X = {"x": np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)}


def _model(nodes, *, opset: int = 18, weights=()) -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 3, 4])],
        [value("y", TensorProto.FLOAT, None)],
        list(weights),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def _reduction() -> onnx.ModelProto:
    """What the exporter writes at 18: axes as an input, attributes that older versions lack."""
    axes = numpy_helper.from_array(np.int64([2]), "axes")
    shape = numpy_helper.from_array(np.int64([-1, 3]), "shape")
    make = helper.make_node
    nodes = [
        make("Relu", ["x"], ["r"]),
        make("ReduceMean", ["r", "axes"], ["m"], keepdims=0, noop_with_empty_axes=0),
        make("Reshape", ["m", "shape"], ["y"], allowzero=1),
    ]
    return _model(nodes, weights=[axes, shape])


@pytest.mark.parametrize("opset", [13, 15, 17, 20])
def test_the_same_values_at_another_opset(opset):
    model = _reduction()
    converted = convert_opset(model, opset)
    assert opset_of(converted) == opset
    assert opset_of(model) == 18
    before, after = (run_tapped(m, ["y"], X)["y"] for m in (model, converted))
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_the_file_is_as_old_as_its_operators():
    assert convert_opset(_reduction(), 13).ir_version == 7
    assert convert_opset(_reduction(), 17).ir_version == 8


@pytest.mark.parametrize(("opset", "lowered"), [(18, 8), (19, 9), (20, 9), (21, 10)])
def test_the_ir_version_is_the_one_of_the_opset(opset, lowered):
    model = convert_opset(_reduction(), opset)
    model.ir_version = 10
    lower_ir_version(model)
    assert model.ir_version == lowered


def test_the_ir_version_stays_where_other_operators_may_need_it():
    model = convert_opset(_reduction(), 18)
    model.ir_version = 10
    model.opset_import.add(domain="com.microsoft", version=1)
    lower_ir_version(model)
    assert model.ir_version == 10


def test_an_operator_that_the_old_opset_lacks():
    model = _model([helper.make_node("Mish", ["x"], ["y"])])
    with pytest.raises(ModelError, match="cannot be written at opset 17") as caught:
        convert_opset(model, 13)
    assert "\n" not in caught.value.message


def test_a_converter_that_leaves_the_opset_as_it_was(monkeypatch):
    model = _reduction()
    model.graph.output[0].type.tensor_type.shape.dim.add().dim_param = "rows"
    model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 3
    monkeypatch.setattr(
        opsets.onnx.version_converter, "convert_version", lambda model, _version: model
    )
    monkeypatch.setattr(opsets, "_drop_silent_attributes", lambda *_: None)
    with pytest.raises(ModelError, match="asked for opset 17, the converter left 18"):
        convert_opset(model, 13)


@pytest.mark.parametrize("opset", [12, 99])
def test_out_of_range(opset):
    with pytest.raises(UsageError, match=f"opset {opset} cannot be"):
        convert_opset(_reduction(), opset)
