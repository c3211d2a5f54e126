from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.ranges import METHODS, activations, estimate_ranges
from edgecnn.calibration.sessions import session_of
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
    assert {name: (r.low, r.high) for name, r in ranges.items()} == {
        "x": (-1.0, 3.0),
        "doubled": (-2.0, 6.0),
        "y": (0.0, 6.0),
    }


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_dropped(double, method):
    """The one extreme value lies in the last batch of many."""
    data = np.random.default_rng(0).uniform(-1, 1, (64, 2)).astype(np.float32)
    data[-1] = 50
    ranges = estimate_ranges(double, _batches("x", data, 4), method=method, percentile=100)
    assert ranges["x"].high > 1.3
    if method != "moving-average":
        assert ranges["x"].high == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize("method", ["min-max", "percentile"])
def test_order_and_batch_size_do_not_matter(double, method):
    data = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    whole = estimate_ranges(double, _batches("x", data, 60), method=method)
    parts = estimate_ranges(double, _batches("x", data[::-1].copy(), 7), method=method)
    assert whole == parts


def test_moving_average_by_hand(double):
    first, second = np.full((1, 2), 1, np.float32), np.full((1, 2), 11, np.float32)
    ranges = estimate_ranges(double, lambda: [{"x": first}, {"x": second}], method="moving-average")
    assert ranges["x"].high == pytest.approx(1.1)


def test_percentile_cuts_both_tails(double):
    data = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
    data[0] = (-500, 500)
    cut = estimate_ranges(double, _batches("x", data, 500), method="percentile", percentile=99)
    step = 1000 / 4096
    assert cut["x"].low == pytest.approx(-2.576, abs=2 * step)
    assert cut["x"].high == pytest.approx(2.576, abs=2 * step)


def test_empty_set_and_values_that_are_not_finite(double):
    with pytest.raises(DataError, match="no samples"):
        estimate_ranges(double, lambda: [])
    broken = {"x": np.array([[1.0, np.inf]], np.float32)}
    with pytest.raises(DataError, match="not finite, first in x"):
        estimate_ranges(double, lambda: [broken])


def _of_onnxruntime(path: Path, folder: Path, batches):
    """Ranges by ONNX Runtime's own calibrator."""
    from onnxruntime.quantization.calibrate import CalibrationDataReader, create_calibrator

    class _Reader(CalibrationDataReader):
        def __init__(self):
            self.batches = iter(batches())

        def get_next(self):
            return next(self.batches, None)

    calibrator = create_calibrator(path, None, augmented_model_path=str(folder / "augmented.onnx"))
    calibrator.collect_data(_Reader())
    return {
        name: tuple(float(np.ravel(bound)[0]) for bound in data.range_value)
        for name, data in calibrator.compute_data().items()
    }


def test_min_max_equals_onnxruntimes(fp32, calibration, metadata, tmp_path):
    prepared = prepare(onnx.load(fp32))
    onnx.save(prepared, tmp_path / "p.onnx")
    # Their calibrators want batches of one size.
    batches = _batches("input", calibration.inputs(metadata.input)["input"], 20)
    theirs = _of_onnxruntime(tmp_path / "p.onnx", tmp_path, batches)
    ours = estimate_ranges(prepared, batches)
    assert set(ours) == set(theirs) == set(activations(prepared))
    for name, (low, high) in theirs.items():
        assert (ours[name].low, ours[name].high) == pytest.approx((low, high), rel=1e-5), name


def test_percentile_of_every_activation(fp32, calibration, metadata):
    """Against NumPy on the activations themselves, to within a bin of the histogram."""
    prepared = prepare(onnx.load(fp32))
    data = calibration.inputs(metadata.input)["input"]
    names = [n for n in activations(prepared) if n != "input"]
    observed = onnx.ModelProto()
    observed.CopyFrom(prepared)
    observed.graph.output.extend(
        v for v in prepared.graph.value_info if v.name in names and v.name != "logits"
    )
    values = dict(zip(names, session_of(observed).run(names, {"input": data}), strict=True))
    batches = _batches("input", data, 16)
    ours = estimate_ranges(prepared, batches, method="percentile", percentile=98.0)
    for name, value in values.items():
        step = float(value.max() - value.min()) / 4096
        low, high = np.percentile(value, [1, 99])
        assert ours[name].low == pytest.approx(low, abs=1.5 * step), name
        assert ours[name].high == pytest.approx(high, abs=1.5 * step), name
