"""What holds of every estimator; the files beside this one look at each by itself."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.calibration.estimators import METHODS, make_estimator
from edgecnn.calibration.histogram import Histogram
from edgecnn.calibration.tensor_values import Range, TensorValues
from edgecnn.errors import UsageError


def seen(values: np.ndarray) -> TensorValues:
    histogram = Histogram()
    histogram.add(values.astype(np.float32))
    extremes = Range(histogram.low, histogram.high)
    return TensorValues(seen=extremes, averaged=extremes, histogram=histogram)


DATA = {
    "normal": np.random.default_rng(0).normal(size=100_000),
    "one-sided": np.abs(np.random.default_rng(1).normal(size=100_000)),
    "relu": np.maximum(np.random.default_rng(2).normal(size=100_000), 0),
    "negative": -np.random.default_rng(3).exponential(size=100_000),
    "far from zero": np.random.default_rng(4).normal(1000, 0.1, size=10_000),
    "zeros": np.zeros(100),
    "one value": np.full(100, 3.5),
    "two values": np.array([-2.0, 7.0]),
    "tiny": np.random.default_rng(5).normal(0, 1e-35, size=1000),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", DATA)
def test_a_range_lies_within_what_was_seen(method, name):
    values = seen(DATA[name])
    chosen = make_estimator(method).range_of(values)
    assert values.seen.low <= chosen.low <= chosen.high <= values.seen.high


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_one_wild_value_does_not_spoil_the_range(method):
    values = np.append(DATA["normal"], [60.0])
    chosen = make_estimator(method).range_of(seen(values))
    assert chosen.high < 8


@pytest.mark.parametrize("method", ["entropy", "mse"])
def test_evenly_spread_values_are_not_clipped(method):
    values = np.random.default_rng(0).uniform(-1, 1, 200_000)
    chosen = make_estimator(method).range_of(seen(values))
    assert chosen.high > 0.97
    assert chosen.low < -0.97


def test_unknown():
    with pytest.raises(UsageError, match="unknown method"):
        make_estimator("guess")
    for wrong in (0, -1, 100.1):
        with pytest.raises(UsageError, match="a percentile of"):
            make_estimator("percentile", percentile=wrong)
