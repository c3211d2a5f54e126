from __future__ import annotations

import numpy as np
import pytest

from edgecnn.calibration.estimators.percentile import Percentile
from tests.calibration.estimators.test_estimators import seen


@pytest.mark.parametrize("percentile", [50, 99, 99.9, 99.99])
def test_numpys_to_within_a_bin(percentile):
    data = np.random.default_rng(0).standard_t(3, size=200_000).astype(np.float32)
    values = seen(data)
    cut = (100 - percentile) / 2
    low, high = np.percentile(data, [cut, 100 - cut])
    chosen = Percentile(percentile).range_of(values)
    assert chosen.low == pytest.approx(low, abs=1.1 * values.histogram.width)
    assert chosen.high == pytest.approx(high, abs=1.1 * values.histogram.width)
    kept = np.mean((data >= chosen.low) & (data <= chosen.high))
    assert kept >= percentile / 100


def test_all_of_it():
    data = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    chosen = Percentile(100).range_of(seen(data))
    assert (chosen.low, chosen.high) == (data.min(), data.max())
