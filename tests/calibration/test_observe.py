from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgecnn.calibration.estimators import PERCENTILE, make_estimator
from edgecnn.calibration.observation import Observation
from edgecnn.calibration.observe import activations, observe, observed_tensors
from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.ranges import estimate_ranges, ranges_of
from edgecnn.calibration.sessions import session_of
from edgecnn.errors import DataError


@pytest.fixture(scope="module")
def prepared(fp32) -> onnx.ModelProto:
    return prepare(onnx.load(fp32))


@pytest.fixture(scope="module")
def data(calibration, metadata) -> np.ndarray:
    return calibration.inputs(metadata.input)["input"]


def _batches(array, size, name="input"):
    return lambda start=0: ({name: array[i : i + size]} for i in range(start, len(array), size))


def _of_onnxruntime(model: onnx.ModelProto, folder: Path, array, *, method: str, options=None):
    """Ranges by ONNX Runtime's own calibrator, one sample after the other."""
    from onnxruntime.quantization.calibrate import (
        CalibrationDataReader,
        CalibrationMethod,
        create_calibrator,
    )

    class _Reader(CalibrationDataReader):
        def __init__(self):
            self.batches = iter(_batches(array, 1)())

        def get_next(self):
            return next(self.batches, None)

    onnx.save(model, folder / "prepared.onnx")
    calibrator = create_calibrator(
        folder / "prepared.onnx",
        None,
        augmented_model_path=str(folder / "augmented.onnx"),
        calibrate_method=getattr(CalibrationMethod, method),
        extra_options=options or {},
    )
    calibrator.collect_data(_Reader())
    return {
        name: tuple(float(np.ravel(bound)[0]) for bound in data.range_value)
        for name, data in calibrator.compute_data().items()
    }


def test_min_max_equals_onnxruntimes_to_the_last_bit(prepared, data, tmp_path):
    theirs = _of_onnxruntime(prepared, tmp_path, data, method="MinMax")
    ours = estimate_ranges(prepared, _batches(data, 8))
    assert set(theirs) == set(activations(prepared))
    assert set(ours) == set(observed_tensors(prepared)) < set(theirs)
    for name, found in ours.items():
        assert (found.low, found.high) == theirs[name], name


@pytest.mark.parametrize("percentile", [PERCENTILE, 97.7])
def test_percentile_equals_onnxruntimes_to_within_a_bin(prepared, data, tmp_path, percentile):
    """Theirs are 2048 bins over twice the largest absolute value, as wide as it turns out."""
    options = {"percentile": percentile, "symmetric": False, "num_bins": 2048}
    theirs = _of_onnxruntime(prepared, tmp_path, data, method="Percentile", options=options)
    extremes = estimate_ranges(prepared, _batches(data, 8))
    ours = estimate_ranges(prepared, _batches(data, 8), method="percentile", percentile=percentile)
    assert len(ours) > 4
    for name, found in ours.items():
        largest = max(abs(extremes[name].low), abs(extremes[name].high))
        # They give a bin's lower edge and we the outer one: a bin of theirs and one of ours.
        off = 2 * largest / 2048 + largest / 4096
        assert found.low == pytest.approx(theirs[name][0], abs=off), name
        assert found.high == pytest.approx(theirs[name][1], abs=off), name


@pytest.mark.parametrize("method", ["min-max", "percentile", "entropy", "mse"])
def test_order_and_batch_size_do_not_matter(prepared, data, method):
    shuffled = data[np.random.default_rng(0).permutation(len(data))]
    whole = estimate_ranges(prepared, _batches(data, 64), method=method)
    assert estimate_ranges(prepared, _batches(shuffled, 7), method=method) == whole


@pytest.mark.parametrize("place", [0, 17, 63])
@pytest.mark.parametrize("method", ["min-max", "percentile", "entropy", "mse"])
def test_no_sample_is_dropped(prepared, data, method, place):
    """ONNX Runtime drops them with CalibMaxIntermediateOutputs; see the next test."""
    array = data[:64].copy()
    array[place] = np.float32(1000)
    seen = observe(prepared, _batches(array, 4), ["input"], histograms=True)
    assert seen.samples == 64
    assert seen.of("input").seen.high == 1000
    assert seen.of("input").histogram.n == array.size
    if method == "min-max":
        assert estimate_ranges(prepared, _batches(array, 4))["input"].high == 1000
    # Of 64 samples, one is far more than any method may clip.
    elif method == "percentile":
        found = estimate_ranges(prepared, _batches(array, 4), method=method)
        assert found["input"].high == pytest.approx(1000, rel=1e-3)


def test_onnxruntime_still_drops_data(prepared, data, tmp_path):
    """The trap that the test above shows to be absent from ours."""
    array = data[:6].copy()
    array[0] = np.float32(1000)
    options = {"max_intermediate_outputs": 4, "symmetric": False}
    theirs = _of_onnxruntime(prepared, tmp_path, array, method="MinMax", options=options)
    assert theirs["input"][1] < 1000


def test_of_the_activations_themselves(prepared, data):
    """Against NumPy on the whole of them at once, to within a bin of the histogram."""
    names = [n for n in observed_tensors(prepared) if n != "input"]
    observed = onnx.ModelProto()
    observed.CopyFrom(prepared)
    observed.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n != "logits")
    values = dict(zip(names, session_of(observed).run(names, {"input": data}), strict=True))
    ours = estimate_ranges(prepared, _batches(data, 16), method="percentile", percentile=98.0)
    for name, value in values.items():
        step = float(np.abs(value).max()) / 4096
        found, one = ours[name], 1 / value.size
        assert np.mean(value < found.low) <= 0.01 <= np.mean(value <= found.low + step) + one, name
        assert np.mean(value > found.high) <= 0.01 <= np.mean(value >= found.high - step) + one


def test_only_what_decides_is_observed(prepared):
    """What a Relu alone reads is rounded with the range of the Relu's result."""
    names = observed_tensors(prepared)
    relus = [node for node in prepared.graph.node if node.op_type == "Relu"]
    assert relus
    assert {node.input[0] for node in relus}.isdisjoint(names)
    assert {node.output[0] for node in relus} < set(names)


def test_the_graph_is_left_as_it_was(prepared, data):
    before = prepared.SerializeToString(deterministic=True)
    estimate_ranges(prepared, _batches(data[:2], 1), method="percentile")
    assert prepared.SerializeToString(deterministic=True) == before


def test_values_that_are_no_numbers_are_found_wherever_they_are():
    """ONNX Runtime's ReduceMin and ReduceMax step over a NaN that is not the first value."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Sqrt", ["x"], ["y"])],
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 3])],
        [value("y", TensorProto.FLOAT, ["batch", 3])],
    )
    opsets = [helper.make_opsetid("", 20)]
    root = onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=opsets, ir_version=10)
    )
    fine, broken = np.ones((2, 3), np.float32), np.array([[1, -1, 1]], np.float32)
    with pytest.raises(DataError, match="not finite, first in y"):
        estimate_ranges(root, lambda: [{"x": fine}, {"x": broken}])


@pytest.mark.parametrize("histograms", [False, True])
def test_taken_up_again(prepared, data, histograms):
    names = observed_tensors(prepared)
    whole = observe(prepared, _batches(data, 8), names, histograms=histograms)
    kept = []
    observe(
        prepared,
        _batches(data[:80], 8),
        names,
        histograms=histograms,
        after_batch=lambda seen: kept.append(seen.to_bytes()),
    )
    assert len(kept) == 10
    known = Observation.from_bytes(kept[4], names, histograms=histograms)
    assert known.samples == 40
    resumed = observe(prepared, _batches(data, 8), names, histograms=histograms, known=known)
    for method in ("min-max", "moving-average", *(("mse", "percentile") if histograms else ())):
        estimator = make_estimator(method)
        assert ranges_of(resumed, estimator) == ranges_of(whole, estimator)
        assert ranges_of(resumed, estimator, half=True) == ranges_of(whole, estimator, half=True)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", None])
def test_what_is_stored_is_checked(prepared, data, content):
    seen = observe(prepared, _batches(data[:4], 4), ["input"], histograms=True)
    stored = seen.to_bytes()
    names = ["other"] if content is None else ["input"]
    with pytest.raises(ValueError, match=r"observation|No data"):
        Observation.from_bytes(stored if content is None else content, names, histograms=True)


def test_memory_does_not_grow_with_the_samples(prepared, data):
    few = observe(prepared, _batches(data[:8], 8), observed_tensors(prepared), histograms=True)
    many = observe(prepared, _batches(data, 8), observed_tensors(prepared), histograms=True)

    def held(seen: Observation) -> int:
        return sum(h._counts.nbytes for half in seen._histograms for h in half)

    assert held(many) == held(few)
