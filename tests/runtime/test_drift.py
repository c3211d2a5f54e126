from __future__ import annotations

import numpy as np
import pytest

from edgecnn.calibration.baseline import distribution_of
from edgecnn.calibration.histogram import Histogram
from edgecnn.metadata import Distribution
from edgecnn.runtime.drift import count_values, ks_distance, psi

RANDOM = np.random.default_rng(0)


def _reference(values: np.ndarray) -> Distribution:
    histogram = Histogram()
    histogram.add(values.astype(np.float32))
    return distribution_of(histogram, "output")


@pytest.fixture(scope="module")
def normal() -> Distribution:
    return _reference(RANDOM.normal(size=100_000))


def test_the_reference_itself_does_not_drift(normal: Distribution) -> None:
    counts = count_values(np.random.default_rng(1).normal(size=100_000), normal)
    assert psi(counts, normal) < 0.001
    assert ks_distance(counts, normal) < 0.01


@pytest.mark.parametrize("shift", [0.2, 0.5, 1.0])
def test_a_shift_is_told_by_its_size(normal: Distribution, shift: float) -> None:
    """Of two normal distributions the symmetric divergence is the shift squared."""
    counts = count_values(np.random.default_rng(1).normal(shift, 1, size=200_000), normal)
    assert psi(counts, normal) == pytest.approx(shift**2, rel=0.1)
    from math import erf

    assert ks_distance(counts, normal) == pytest.approx(erf(shift / 2 / 2**0.5), abs=0.02)


def test_counts_add_up(normal: Distribution) -> None:
    values = RANDOM.normal(size=999)
    parts = sum(count_values(part, normal) for part in np.split(values, 3))
    np.testing.assert_array_equal(parts, count_values(values, normal))
    assert parts.sum() == 999


def test_what_never_occurred_is_finite(normal: Distribution) -> None:
    counts = count_values(np.full(100, 1e9), normal)
    assert 1 < psi(counts, normal) < 100
    assert ks_distance(counts, normal) > 0.9


def test_half_of_the_values_are_zero() -> None:
    values = np.maximum(RANDOM.normal(size=50_000), 0)
    reference = _reference(values)
    assert reference.shares[0] == pytest.approx(np.mean(values == 0), abs=0.01)
    assert psi(count_values(values, reference), reference) < 1e-6
    assert psi(count_values(np.zeros(100), reference), reference) > 1


def test_one_value() -> None:
    reference = _reference(np.full(10, 3.0))
    assert reference.shares == (1.0,)
    assert psi(count_values(np.full(4, 3.0), reference), reference) == 0
    assert ks_distance(count_values(np.full(4, 3.0), reference), reference) == 0
