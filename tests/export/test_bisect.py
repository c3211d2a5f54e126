from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.export.bisect import agree, diverging_tensor

X = {"x": np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)}


def _chain(*factors: float) -> onnx.ModelProto:
    nodes, names = [], ["x", *(f"t{i}" for i in range(len(factors) - 1)), "y"]
    for i in range(len(factors)):
        nodes.append(helper.make_node("Mul", [names[i], f"f{i}"], [names[i + 1]], name=f"mul{i}"))
    value = helper.make_tensor_value_info
    weights = [numpy_helper.from_array(np.float32([f]), f"f{i}") for i, f in enumerate(factors)]
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 4])],
        [value("y", TensorProto.FLOAT, ["batch", 4])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_the_first_tensor_that_differs():
    before = _chain(2, 3, 4, 5)
    assert diverging_tensor(before, before, X, atol=1e-4, rtol=1e-3) is None
    found = diverging_tensor(before, _chain(2, 3.1, 4, 5), X, atol=1e-4, rtol=1e-3)
    assert found == "mul1 (Mul), tensor t1"


def test_the_module_is_named_where_it_is_known():
    before = _chain(2, 3)
    for i, node in enumerate(before.graph.node):
        node.metadata_props.add(
            key="pkg.torch.onnx.name_scopes", value=f"['', 'body', 'body.{i}', 'mul']"
        )
        node.metadata_props.add(
            key="pkg.torch.onnx.class_hierarchy", value="['a.Net', 'b.Body', 'c.Scale', 'aten.mul']"
        )
    found = diverging_tensor(before, _chain(2, 4), X, atol=1e-4, rtol=1e-3)
    assert found == "body.1 (Scale), tensor y"


def test_graphs_that_share_no_tensor():
    after = _chain(2)
    after.graph.node[0].output[0] = after.graph.output[0].name = "z"
    assert diverging_tensor(_chain(2), after, X, atol=1e-4, rtol=1e-3) is None


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ([1.0, 2.0], [1.0, 2.0], True),
        ([1.0, 2.1], [1.0, 2.0], False),
        ([1e6, 100.0], [1e6, 0.0], True),
        ([np.inf, 1.0], [np.inf, 1.0], True),
        ([np.nan, 1.0], [0.0, 1.0], False),
        ([], [], True),
        ([1.0], [1.0, 1.0], False),
    ],
)
def test_agreement_inside_a_network(found, wanted, same):
    assert agree(np.array(found), np.array(wanted), atol=1e-4, rtol=1e-3) is same
