from __future__ import annotations

import numpy as np
import pytest

from edgecnn.evaluation.output_difference import DifferenceSum, decibels, output_difference


def test_by_hand():
    found = output_difference(
        np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([[3.0, 4.5], [0.0, 0.0]])
    )
    assert (found.mean_abs, found.max_abs) == (0.125, 0.5)
    assert found.sqnr_db == pytest.approx(10 * np.log10(25 / 0.25))


def test_in_parts_is_the_same_as_at_once():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 40, 3, 5)).astype(np.float32)
    total = DifferenceSum()
    for start in range(0, 40, 7):
        total.add(one[start : start + 7], other[start : start + 7])
    whole, parts = output_difference(one, other), total.result()
    assert parts.max_abs == whole.max_abs
    assert (parts.mean_abs, parts.sqnr_db) == pytest.approx((whole.mean_abs, whole.sqnr_db))


def test_equal_outputs_have_no_noise():
    found = output_difference(np.ones((2, 2)), np.ones((2, 2)))
    assert (found.mean_abs, found.max_abs, found.sqnr_db) == (0, 0, None)


def test_what_is_no_number_is_counted_and_left_out():
    one = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, np.nan]])
    other = np.array([[1.0, 1.5], [np.inf, 1.0], [1.0, 1.0]])
    found = output_difference(one, other)
    assert (found.not_finite, found.max_abs) == (2, 0.5)


def test_rounding_to_eight_bits_is_about_fifty_decibels():
    """SQNR of uniform rounding of a uniform signal: 6.02 dB a bit."""
    values = np.random.default_rng(0).uniform(-1, 1, (1, 100_000))
    rounded = np.rint(values * 128) / 128
    assert output_difference(values, rounded).sqnr_db == pytest.approx(6.02 * 8, abs=0.1)
    assert decibels(0.0, 1.0) is None
