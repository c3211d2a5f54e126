"""Sets of intervals of samples: half-open, sorted, disjoint; an int64 array of shape (n, 2)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Intervals", "inside", "intersect", "make_intervals", "overlaps", "subtract", "total"]

Intervals = NDArray[np.int64]


def make_intervals(pairs: Iterable[tuple[int, int]]) -> Intervals:
    """Return intervals in order; those that touch become one, empty ones none.

    Examples
    --------
    >>> make_intervals([(5, 9), (0, 2), (8, 12), (3, 3)]).tolist()
    [[0, 2], [5, 12]]
    """
    kept: list[list[int]] = []
    for start, end in sorted(pairs):
        if end <= start:
            continue
        if kept and start <= kept[-1][1]:
            kept[-1][1] = max(kept[-1][1], end)
        else:
            kept.append([start, end])
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def inside(samples: NDArray[np.int64], intervals: Intervals) -> NDArray[np.bool_]:
    """Say of each sample whether it lies in one of the intervals.

    Examples
    --------
    >>> inside(np.array([1, 2, 5, 12]), make_intervals([(0, 2), (5, 12)])).tolist()
    [True, False, True, False]
    """
    if not len(intervals):
        return np.zeros(len(samples), dtype=bool)
    place = np.searchsorted(intervals[:, 0], samples, side="right") - 1
    within: NDArray[np.bool_] = (place >= 0) & (samples < intervals[np.maximum(place, 0), 1])
    return within


def intersect(first: Intervals, second: Intervals) -> Intervals:
    """Return what lies in both.

    Examples
    --------
    >>> intersect(make_intervals([(0, 10)]), make_intervals([(2, 4), (8, 20)])).tolist()
    [[2, 4], [8, 10]]
    """
    return make_intervals(
        (max(a, c), min(b, d)) for a, b in first.tolist() for c, d in second.tolist()
    )


def subtract(first: Intervals, second: Intervals) -> Intervals:
    """Return what lies in the first alone.

    Examples
    --------
    >>> subtract(make_intervals([(0, 10)]), make_intervals([(2, 4), (8, 20)])).tolist()
    [[0, 2], [4, 8]]
    """
    left = first.tolist()
    for start, end in second.tolist():
        left = [
            piece
            for a, b in left
            for piece in ((a, min(b, start)), (max(a, end), b))
            if piece[0] < piece[1]
        ]
    return make_intervals((a, b) for a, b in left)


def overlaps(interval: tuple[int, int], intervals: Intervals) -> bool:
    """Say whether an interval has a sample in common with any of some others."""
    start, end = interval
    return bool(np.any((intervals[:, 0] < end) & (start < intervals[:, 1])))


def total(intervals: Intervals) -> int:
    """Return the length of all together, in samples."""
    return int((intervals[:, 1] - intervals[:, 0]).sum())
