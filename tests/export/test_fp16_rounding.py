"""FP16's rounding where ONNX Runtime would compute in FP32."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.sessions import session_of
from edgecnn.export.fp16 import to_fp16
from edgecnn.export.fp16_rounding import with_rounding


def network(*nodes: onnx.NodeProto, weights: float | None = None) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in "xy")
    constants = [] if weights is None else [numpy_helper.from_array(np.float32([weights]), "w")]
    graph = helper.make_graph(list(nodes), "g", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def rounded(model: onnx.ModelProto, x: np.ndarray, **options: object) -> np.ndarray:
    made = with_rounding(to_fp16(model, **options).model)
    return session_of(made).run(None, {"x": x})[0]


def test_numbers_become_those_of_numpys_float16() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            rng.normal(size=4000) * 10.0 ** rng.uniform(-9, 4.8, 4000),
            [
                0,
                1,
                -1,
                65504,
                65519,
                -65519,
                65521,
                -70000,
                1e9,
                6.1e-5,
                6e-8,
                2e-8,
                np.inf,
                -np.inf,
                np.nan,
            ],
        ]
    ).astype(np.float32)
    y = rounded(network(helper.make_node("Identity", ["x"], ["y"], "one")), x)
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(y, expected)


def test_what_stays_fp32_is_left_alone() -> None:
    x = np.array([1 / 3], np.float32)
    one = network(helper.make_node("Identity", ["x"], ["y"], "one"))
    assert rounded(one, x, block=["one"])[0] == x[0]


def test_weights_and_what_is_cast_between_two_layers_are_rounded() -> None:
    """A layer that alone is FP32 reads rounded numbers, and gives numbers that are rounded."""
    x, third = np.array([1.0], np.float32), np.float32(1 / 3)
    model = network(
        helper.make_node("Mul", ["x", "w"], ["a"], "one"),
        helper.make_node("Identity", ["a"], ["b"], "two"),
        helper.make_node("Identity", ["b"], ["y"], "three"),
        weights=float(third),
    )
    half = np.float32(np.float16(third))
    assert half != third
    assert rounded(model, x)[0] == half
    assert rounded(model, x, block=["one"])[0] == half
    assert rounded(model, x, block=["one", "two"])[0] == half
    assert rounded(model, x, block=["one", "two", "three"])[0] == third


@pytest.mark.parametrize("keep_io", [True, False])
def test_inputs_too(keep_io: bool) -> None:
    x = np.array([1 / 3], np.float32)
    model = network(helper.make_node("Add", ["x", "x"], ["y"], "one"))
    assert rounded(model, x, keep_io=keep_io)[0] == 2 * np.float32(np.float16(x[0]))
