from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgecnn.bundled import resolve_model
from edgecnn.errors import ModelError
from edgecnn.export.taps import add_taps, run_tapped


def chain() -> onnx.ModelProto:
    """Doubles, then cuts off what is negative."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["twice"]),
        helper.make_node("Relu", ["twice"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_values_inside_and_outputs() -> None:
    x = np.array([[-1.0, 0.0, 2.0]], np.float32)
    found = run_tapped(chain(), ["twice", "y", "twice"], {"x": x})
    assert {name: value.tolist() for name, value in found.items()} == {
        "twice": [[-2.0, 0.0, 4.0]],
        "y": [[0.0, 0.0, 4.0]],
    }


def test_the_graph_itself_stays_as_it_was() -> None:
    model = chain()
    before = model.SerializeToString()
    tapped = add_taps(model, ["twice"])
    assert [value.name for value in tapped.graph.output] == ["y", "twice"]
    assert model.SerializeToString() == before


def test_answers_are_the_same_with_every_tensor_tapped() -> None:
    model = onnx.load(resolve_model("bundled:mnist-lenet5.int8"))
    x = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    names = [
        node.output[0]
        for node in model.graph.node
        if node.op_type in ("Conv", "MaxPool", "Gemm", "Reshape")
    ]
    plain = run_tapped(model, ["logits"], {"input": x})["logits"]
    tapped = run_tapped(model, names, {"input": x})["logits"]
    np.testing.assert_allclose(tapped, plain, atol=0.1)


def test_unknown_tensor() -> None:
    with pytest.raises(ModelError, match="no node computes thrice"):
        add_taps(chain(), ["thrice"])


def test_input_that_does_not_fit() -> None:
    with pytest.raises(ModelError, match="failed on an input"):
        run_tapped(chain(), ["y"], {"x": np.zeros((1, 4), np.float32)})
