from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.ranges import estimate_ranges
from edgecnn.errors import DataError

PROBE = {"x": np.array([[-1.0, 0.5], [2.0, 3.0]], np.float32)}


@pytest.fixture
def double() -> onnx.ModelProto:
    """y = relu(2 x)."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "two"], ["doubled"], name="mul"),
            helper.make_node("Relu", ["doubled"], ["y"], name="relu"),
        ],
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 2])],
        [value("y", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(np.float32(2), "two")],
    )
    opsets = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return onnx.shape_inference.infer_shapes(model)


def _batches(model_input, array, size):
    return lambda: ({model_input: array[i : i + size]} for i in range(0, len(array), size))


def test_extremes_of_every_activation(double):
    ranges = estimate_ranges(double, lambda: [PROBE])
    # `doubled` is rounded with the range of `y`, or not at all.
    assert {name: (r.low, r.high) for name, r in ranges.items()} == {
        "x": (-1.0, 3.0),
        "y": (0.0, 6.0),
    }


def test_moving_average_by_hand(double):
    first, second = np.full((1, 2), 1, np.float32), np.full((1, 2), 11, np.float32)
    ranges = estimate_ranges(double, lambda: [{"x": first}, {"x": second}], method="moving-average")
    assert ranges["x"].high == pytest.approx(1.1)


def test_percentile_cuts_both_tails(double):
    data = np.random.default_rng(0).normal(size=(4_000, 2)).astype(np.float32)
    data[0] = (-500, 500)
    cut = estimate_ranges(double, _batches("x", data, 500), method="percentile", percentile=99)
    step = 500 / 4096
    assert cut["x"].low == pytest.approx(-2.576, abs=2 * step)
    assert cut["x"].high == pytest.approx(2.576, abs=2 * step)


def test_empty_set_and_values_that_are_not_finite(double):
    with pytest.raises(DataError, match="no samples"):
        estimate_ranges(double, lambda: [])
    broken = {"x": np.array([[1.0, np.inf]], np.float32)}
    with pytest.raises(DataError, match="not finite, first in x"):
        estimate_ranges(double, lambda: [broken])
