from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.ecg.ec57.matching import match_beats

BEATS = st.lists(st.integers(0, 400), max_size=25).map(lambda x: np.array(sorted(x), np.int64))


def pairs(reference, test, window):
    left, right = match_beats(np.array(reference), np.array(test), window)
    return list(zip(left.tolist(), right.tolist(), strict=True))


def test_the_window_itself_is_allowed_and_not_a_sample_more():
    """0.150 s at 360 Hz is 54 samples."""
    assert pairs([1000], [1054], 0.150 * 360) == [(0, 0)]
    assert pairs([1000], [946], 0.150 * 360) == [(0, 0)]
    assert pairs([1000], [1055], 0.150 * 360) == []


@pytest.mark.parametrize("rate", [100, 128, 250, 257, 360, 500, 1000])
def test_rounding_moves_no_window(rate):
    assert pairs([5000], [5000 + int(round(0.15 * rate, 6))], 0.15 * rate) == [(0, 0)]


def test_the_nearest_is_taken():
    """Of two test beats near one of the reference, the nearer; and the other way round."""
    assert pairs([100], [60, 110], 54) == [(0, 1)]
    assert pairs([60, 110], [100], 54) == [(1, 0)]


def test_pairs_do_not_cross():
    """Reference 0 and 140, test 130 and 151, window 155.

    130 and 140 are 10 apart and go first. 0 and 151 are left, and close enough, but their pair
    would cross the other: 0 is missed, 151 is extra.
    """
    assert pairs([0, 140], [130, 151], 155) == [(1, 0)]


def test_no_beats_no_pairs():
    none = np.array([], dtype=np.int64)
    for left, right in ((none, none), (none, np.array([5])), (np.array([5]), none)):
        assert [len(places) for places in match_beats(left, right, 10)] == [0, 0]


@given(BEATS, BEATS, st.integers(0, 60))
def test_pairs_are_close_single_and_in_order(reference, test, window):
    left, right = match_beats(reference, test, window)
    assert np.all(np.abs(reference[left] - test[right]) <= window)
    assert np.all(np.diff(left) > 0)
    assert np.all(np.diff(right) > 0)


@given(BEATS, BEATS, st.integers(0, 60))
def test_neither_side_is_preferred(reference, test, window):
    """Swapped, as many pairs come out, as far apart."""
    left, right = match_beats(reference, test, window)
    other_right, other_left = match_beats(test, reference, window)
    assert np.array_equal(reference[left], reference[other_left])
    assert np.array_equal(test[right], test[other_right])


@given(BEATS, st.integers(0, 60))
def test_a_list_pairs_with_itself(reference, window):
    reference = np.unique(reference)
    left, right = match_beats(reference, reference, window)
    assert np.array_equal(left, np.arange(len(reference)))
    assert np.array_equal(left, right)


def test_a_day_takes_no_time():
    """100,000 beats, the test's jittered: every one is paired."""
    rng = np.random.default_rng(0)
    reference = np.cumsum(rng.integers(200, 400, 100_000))
    test = reference + rng.integers(-50, 51, len(reference))
    left, right = match_beats(reference, test, 54)
    assert np.array_equal(left, right)
    assert len(left) == len(reference)
