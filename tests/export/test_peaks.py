"""How large the numbers inside a network become."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgecnn.errors import ModelError
from edgecnn.export.peaks import activation_peaks


def chain() -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 2]) for n in "xy")
    nodes = [helper.make_node("Exp", ["x"], ["t"]), helper.make_node("Neg", ["t"], ["y"])]
    graph = helper.make_graph(nodes, "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_magnitudes_over_all_rows() -> None:
    x = np.array([[0, 1]] * 5 + [[2, -3]], np.float32)
    assert activation_peaks(chain(), ["t", "y"], {"x": x}) == pytest.approx(
        {"t": np.exp(2), "y": np.exp(2)}
    )


def test_what_is_infinite_already() -> None:
    x = np.array([[0, 1]] * 5 + [[1000, 0]], np.float32)
    assert activation_peaks(chain(), ["t"], {"x": x}) == {"t": np.inf}


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(ModelError, match="failed on an input"):
        activation_peaks(chain(), ["t"], {"x": np.zeros((1, 3), np.float32)})
