"""Ectopic beats: how many there are, and how they follow each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ectopy", "ectopy_of"]

#: Classes that are ectopic (ANSI/AAMI EC57): supraventricular and ventricular.
_ECTOPIC = ("S", "V")


@dataclass(frozen=True)
class Ectopy:
    """Ectopic beats of one class.

    Attributes
    ----------
    beats : int
    burden_percent : float or None
        Share among the classified beats; None without any.
    pairs, runs : int
        Two in succession, and three or more.
    longest_run : int
        Beats of the longest succession; 1 if each stands alone.
    """

    beats: int
    burden_percent: float | None
    pairs: int
    runs: int
    longest_run: int


def ectopy_of(
    class_indices: NDArray[np.int8], labels: tuple[str, ...], intervals_s: NDArray[np.float64]
) -> dict[str, Ectopy]:
    """Count the ectopic beats of each class that a model knows.

    Parameters
    ----------
    class_indices : ndarray of int8, shape (beats,)
        Places in ``labels``; -1 for a beat without an answer, which ends a run.
    labels : tuple of str
    intervals_s : ndarray of float64, shape (beats - 1,)
        A gap in the signal, NaN, ends a run as well.

    Examples
    --------
    >>> found = ectopy_of(np.array([0, 1, 1, 1, 0, 1], np.int8), ("N", "V"), np.ones(5))
    >>> found["V"]
    Ectopy(beats=4, burden_percent=66.66666666666667, pairs=0, runs=1, longest_run=3)
    """
    classified = int(np.count_nonzero(class_indices >= 0))
    found = {}
    for name in _ECTOPIC:
        if name not in labels:
            continue
        places = np.flatnonzero(class_indices == labels.index(name))
        follows = np.diff(places) == 1
        if len(places) > 1:
            follows &= np.isfinite(intervals_s[places[:-1]])
        breaks = np.flatnonzero(~follows)
        edges = np.concatenate([[-1], breaks, [len(places) - 1]])
        lengths = np.diff(edges) if len(places) else np.empty(0, dtype=np.int64)
        found[name] = Ectopy(
            beats=len(places),
            burden_percent=100 * len(places) / classified if classified else None,
            pairs=int(np.count_nonzero(lengths == 2)),
            runs=int(np.count_nonzero(lengths > 2)),
            longest_run=int(lengths.max(initial=0)),
        )
    return found
