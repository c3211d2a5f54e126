from __future__ import annotations

import numpy as np
import pytest

from edgecnn.calibration.estimators.mse import MeanSquaredError
from tests.calibration.estimators.test_estimators import DATA, seen


def _error(data: np.ndarray, low: float, high: float) -> float:
    """Of quantizing the values themselves, as ONNX's QuantizeLinear does."""
    low, high = min(low, 0), max(high, 0)
    scale = (high - low) / 255
    zero = np.rint(-low / scale)
    levels = np.clip(np.rint(data / scale) + zero, 0, 255)
    return float(np.mean((data - (levels - zero) * scale) ** 2))


@pytest.mark.parametrize("name", ["normal", "one-sided", "relu", "negative"])
def test_nearly_the_least_error_there_is(name):
    """Against trying every pair of ends on the values themselves."""
    data = DATA[name][:20_000]
    low, high = data.min(), data.max()
    shares = np.linspace(0.2, 1, 41)
    best = min(
        _error(data, low * a, high * b)
        for a in (shares if low < 0 else [1])
        for b in (shares if high > 0 else [1])
    )
    chosen = MeanSquaredError().range_of(seen(data))
    assert _error(data, chosen.low, chosen.high) <= 1.02 * best
    assert _error(data, chosen.low, chosen.high) <= _error(data, low, high)


def test_each_end_by_itself():
    """A wild value on one side is no reason to clip the other."""
    data = np.append(np.random.default_rng(0).uniform(-1, 0.2, 2_000_000), [9.0])
    chosen = MeanSquaredError().range_of(seen(data))
    assert chosen.low < -0.95
    assert chosen.high < 2
