from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.calibration.histogram import Histogram

_FLOATS = st.one_of(
    st.floats(2.0**-30, 2.0**60, width=32),
    st.floats(-(2.0**60), -(2.0**-30), width=32),
    st.just(0.0),
)


def _same(one: Histogram, other: Histogram) -> bool:
    (edges, counts), (others, other_counts) = one.bins(), other.bins()
    return (
        (one.exponent, one.low, one.high) == (other.exponent, other.low, other.high)
        and np.array_equal(edges, others)
        and np.array_equal(counts, other_counts)
    )


def _of(*pieces: np.ndarray) -> Histogram:
    histogram = Histogram()
    for piece in pieces:
        histogram.add(piece)
    return histogram


@pytest.mark.parametrize("n", [1, 100, 200_000])
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 3e4, 1e30])
def test_counts_are_those_of_numpy(scale, n):
    values = np.random.default_rng(0).normal(0.3 * scale, scale, n).astype(np.float32)
    histogram = _of(values)
    edges, counts = histogram.bins()
    assert counts.sum() == histogram.n == values.size
    np.testing.assert_array_equal(
        counts, np.histogram(values.astype(np.float64), np.append(edges[:-1], np.inf))[0]
    )
    largest = np.abs(values).max()
    assert 4096 <= largest / histogram.width < 8192
    assert (histogram.low, histogram.high) == (values.min(), values.max())


def test_values_on_an_edge_belong_to_the_bin_above():
    histogram = _of(np.array([-1.0, -0.5, 0.0, 0.5, 1.0], np.float32))
    edges, counts = histogram.bins()
    assert edges[np.flatnonzero(counts)].tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(_FLOATS, min_size=1, max_size=8), min_size=1, max_size=6),
    st.randoms(),
)
def test_order_and_pieces_do_not_matter(pieces, random):
    """Growing by merging bins is counting at the final width."""
    arrays = [np.array(piece, np.float32) for piece in pieces]
    whole = _of(np.concatenate(arrays))
    random.shuffle(arrays)
    assert _same(_of(*arrays), whole)
    merged = Histogram()
    for array in arrays:
        merged.merge(_of(array))
    assert _same(merged, whole)


def test_outliers_that_come_last_lose_no_count():
    values = np.random.default_rng(1).normal(size=10_000).astype(np.float32)
    outlier = np.array([1e6], np.float32)
    assert _same(_of(values, outlier), _of(outlier, values))
    assert _of(values, outlier).n == 10_001


def test_zeros_alone():
    histogram = _of(np.zeros(5, np.float32))
    assert histogram.bins()[1].tolist() == [5]
    assert (histogram.low, histogram.high) == (0.0, 0.0)


def test_none():
    histogram = Histogram()
    assert histogram.n == 0
    assert histogram.bins()[1].size == 0
    histogram.merge(Histogram())
    assert histogram.n == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused_whole(bad):
    histogram = _of(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="not finite"):
        histogram.add(np.array([1.0, bad, 2.0], np.float32))
    assert _same(histogram, _of(np.ones(3, np.float32)))


def test_restored():
    histogram = _of(np.random.default_rng(2).normal(size=1000).astype(np.float32))
    parts = (histogram.exponent, histogram.low, histogram.high, histogram.bins()[1])
    assert _same(Histogram.restored(*parts), histogram)
    assert _same(Histogram.restored(0, np.inf, -np.inf, np.zeros(0, np.int64)), Histogram())
    with pytest.raises(ValueError, match="no such"):
        Histogram.restored(parts[0] + 1, *parts[1:])
