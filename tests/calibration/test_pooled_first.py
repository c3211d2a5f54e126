"""Maximum pools go before normalisations that keep the order of numbers, and nothing changes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.pooled_first import pool_before_norms
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.sessions import session_of

POOL = ("MaxPool", {"kernel_shape": [3], "strides": [2], "pads": [1, 1]})
NORM = ("BatchNormalization", {"epsilon": 1e-3})


def network(
    *steps: tuple[str, dict[str, object]], factors: tuple[float, ...], ends: tuple[str, ...] = ()
) -> onnx.ModelProto:
    """Make nodes behind each other, of four channels; norms have these factors."""
    rng = np.random.default_rng(0)
    values = {
        "scale": np.array(factors),
        "shift": rng.normal(0, 1, 4),
        "mean": rng.normal(0, 1, 4),
        "variance": rng.uniform(0.2, 2, 4),
        "w": rng.normal(0, 0.4, (4, 4, 5)),
    }
    inputs = {"BatchNormalization": ["scale", "shift", "mean", "variance"], "Conv": ["w"]}
    nodes = [
        helper.make_node(kind, [f"x{n}", *inputs.get(kind, [])], [f"x{n + 1}"], f"n{n}", **how)
        for n, (kind, how) in enumerate(steps)
    ]
    graph = helper.make_graph(
        nodes,
        "pooled",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["N", 4, 61])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in (f"x{len(steps)}", *ends)
        ],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(model)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def answers(model: onnx.ModelProto) -> list[np.ndarray]:
    x = np.random.default_rng(1).normal(size=(3, 4, 61)).astype(np.float32)
    found: list[np.ndarray] = session_of(model).run(None, {"x0": x})
    return found


def test_two_in_a_row_and_no_bit_changes() -> None:
    steps = (("Relu", {}), NORM, POOL, ("Conv", {}), ("Relu", {}), NORM, POOL)
    model = network(*steps, factors=(0.5, 0.0, 1.5, 2.0))
    before = answers(model)
    assert pool_before_norms(model) == ("n1", "n5")
    assert kinds(model) == ["Relu", POOL[0], NORM[0], "Conv", "Relu", POOL[0], NORM[0]]
    onnx.checker.check_model(model, full_check=True)
    for ours, theirs in zip(answers(model), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_each_of_a_network_that_is_prepared_is_small() -> None:
    """What becomes a convolution of its own has the pool's shape, not the one before it."""
    prepared = prepare(network(("Relu", {}), NORM, POOL, ("Conv", {}), factors=(1, 1, 1, 1)))
    shapes = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in prepared.graph.value_info
    }
    (norm,) = (node for node in prepared.graph.node if node.name == "n1")
    assert norm.op_type == "Conv"
    assert shapes[norm.input[0]][2] == shapes[norm.output[0]][2] == 31


@pytest.mark.parametrize(
    ("steps", "factors", "ends"),
    [
        # Of a negative factor the smallest number becomes the largest.
        ((("Relu", {}), NORM, POOL), (0.5, -0.1, 1.5, 2.0), ()),
        ((("Relu", {}), NORM, ("AveragePool", POOL[1])), (1, 1, 1, 1), ()),
        # Somebody else reads the normalised numbers.
        ((("Relu", {}), NORM, POOL), (1, 1, 1, 1), ("x2",)),
    ],
)
def test_what_would_change_stays(
    steps: tuple[tuple[str, dict[str, object]], ...],
    factors: tuple[float, ...],
    ends: tuple[str, ...],
) -> None:
    model = network(*steps, factors=factors, ends=ends)
    before = model.SerializeToString()
    assert pool_before_norms(model) == ()
    assert model.SerializeToString() == before
