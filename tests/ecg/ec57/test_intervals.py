from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.ecg.ec57.intervals import (
    inside,
    intersect,
    make_intervals,
    overlaps,
    subtract,
    total,
)

PAIRS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)
PLACES = np.arange(-1, 62)


@given(PAIRS, PAIRS)
def test_sets_of_intervals_are_sets_of_samples(first, second):
    left, right = make_intervals(first), make_intervals(second)
    in_left = np.array([any(a <= p < b for a, b in first) for p in PLACES])
    in_right = np.array([any(a <= p < b for a, b in second) for p in PLACES])
    assert np.array_equal(inside(PLACES, left), in_left)
    assert np.array_equal(inside(PLACES, intersect(left, right)), in_left & in_right)
    assert np.array_equal(inside(PLACES, subtract(left, right)), in_left & ~in_right)
    assert total(left) == in_left.sum()
    for interval in left.tolist():
        assert overlaps(interval, right) == bool(in_right[1 + interval[0] : 1 + interval[1]].any())


def test_intervals_are_in_order_and_apart():
    assert make_intervals([(5, 9), (0, 2), (2, 3), (7, 7)]).tolist() == [[0, 3], [5, 9]]
    assert make_intervals([]).shape == (0, 2)
