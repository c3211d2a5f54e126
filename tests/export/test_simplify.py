from __future__ import annotations

import numpy as np
import onnx
import onnxsim
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.errors import ModelError
from edgecnn.export.exporter import export_model
from edgecnn.export.simplify import simplify


def _foldable() -> onnx.ModelProto:
    """y = x + (1 + 2), with an Identity in between."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["one", "two"], ["three"]),
            helper.make_node("Identity", ["x"], ["same"]),
            helper.make_node("Add", ["same", "three"], ["y"]),
        ],
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 4])],
        [value("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(np.float32([v]), n) for n, v in (("one", 1), ("two", 2))],
    )
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def test_constants_are_folded_and_the_batch_stays_free():
    simple = simplify(_foldable())
    assert [node.op_type for node in simple.graph.node] == ["Add"]
    assert simple.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_failure_is_no_reason_to_go_on(monkeypatch, net, metadata, stripes, tmp_path):
    def fails(model):
        raise RuntimeError("inside the\nC++ core")

    monkeypatch.setattr(onnxsim, "simplify", fails)
    with pytest.raises(ModelError, match="cannot be simplified: inside the C"):
        simplify(_foldable())
    samples = stripes.inputs(metadata.input, np.arange(4))
    with pytest.raises(ModelError, match="cannot be simplified"):
        export_model(net, metadata, samples, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_result_that_does_not_hold(monkeypatch):
    monkeypatch.setattr(onnxsim, "simplify", lambda model: (model, False))
    with pytest.raises(ModelError, match="does not repeat"):
        simplify(_foldable())
