"""FP16's rounding where ONNX Runtime would compute in FP32."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgecnn.calibration.sessions import session_of
from edgecnn.export.fp16_rounding import with_rounding


def relu() -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_numbers_become_those_of_numpys_float16() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [
            rng.normal(size=4000) * 10.0 ** rng.uniform(-9, 4.8, 4000),
            [0, 1, -1, 65504, 65519, -65519, 65521, -70000, 1e9, 6.1e-5, 6e-8, 2e-8],
        ]
    ).astype(np.float32)
    (y,) = session_of(with_rounding(relu(), {"y"})).run(None, {"x": x})
    with np.errstate(over="ignore"):
        expected = x.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(y, expected)


def test_other_tensors_are_left_alone() -> None:
    x = np.array([1 / 3], np.float32)
    assert session_of(with_rounding(relu(), set())).run(None, {"x": x})[0][0] == x[0]
