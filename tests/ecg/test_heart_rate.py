"""Heart rate from R peaks."""

import numpy as np
import pytest

from edgecnn.ecg.heart_rate import heart_rate, rr_intervals_s

NO_GAPS = np.empty((0, 2), dtype=np.int64)


def test_intervals_are_in_seconds():
    assert rr_intervals_s(np.array([0, 360, 540]), 360, NO_GAPS).tolist() == [1.0, 0.5]


@pytest.mark.parametrize("beats", [0, 1])
def test_without_two_beats_there_is_no_rate(beats):
    intervals = rr_intervals_s(np.arange(beats), 360, NO_GAPS)
    assert intervals.shape == (0,)
    assert heart_rate(intervals) is None


def test_an_interval_over_a_gap_is_not_counted():
    gaps = np.array([[0, 50], [450, 460], [700, 710], [720, 730]])
    intervals = rr_intervals_s(np.array([100, 200, 300, 400, 500, 600, 800]), 100, gaps)
    np.testing.assert_array_equal(np.isnan(intervals), [0, 0, 0, 1, 0, 1])
    assert heart_rate(intervals).mean == 60


def test_lowest_and_highest_are_means_of_eight():
    # One early beat and its pause among beats of 60 per minute: no change of the heart rate.
    intervals = np.array([1.0] * 10 + [0.5, 1.5] + [1.0] * 10)
    rate = heart_rate(intervals)
    assert rate.mean == pytest.approx(60)
    assert rate.max == pytest.approx(60 * 8 / 7.5)
    assert rate.min == pytest.approx(60 * 8 / 8.5)
    slow_then_fast = heart_rate(np.array([1.5] * 20 + [0.5] * 20))
    assert (slow_then_fast.min, slow_then_fast.max) == pytest.approx((40, 120))
    assert slow_then_fast.mean == pytest.approx(60)


def test_few_intervals_are_averaged_as_they_are():
    rate = heart_rate(np.array([1.0, 0.5]))
    assert (rate.mean, rate.min, rate.max) == pytest.approx((80, 80, 80))
