"""Beats of two annotators paired: the nearest within a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["match_beats"]

#: What binary fractions may do to a window: 0.15 s of 360 Hz is 54 samples, whatever the last bit.
_ROUNDING = 1e-6


def match_beats(
    reference: NDArray[np.int64], test: NDArray[np.int64], window: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair beats, each with one at most.

    Of all pairs that are no further apart than the window, the closest is made first. Pairs keep
    the order of time: none crosses another. Neither side is preferred, so swapping them gives the
    same pairs.

    Parameters
    ----------
    reference, test : ndarray of int64, shape (n,) and (m,)
        Beats in order of time.
    window : float
        Largest distance of a pair in samples, itself allowed.

    Returns
    -------
    tuple of ndarray of int64, shape (pairs,)
        Places in ``reference`` and in ``test``, rising.

    Examples
    --------
    The test's first beat is as near as the window allows, its second nearer to the same beat:

    >>> places = match_beats(np.array([100, 400]), np.array([46, 110, 460]), window=54)
    >>> [place.tolist() for place in places]
    [[0], [1]]
    """
    window += _ROUNDING
    first = np.searchsorted(test, reference - window, side="left")
    count = np.searchsorted(test, reference + window, side="right") - first
    left = np.repeat(np.arange(len(reference)), count)
    right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    right += np.repeat(first, count)

    partner = np.full(len(reference), -1, dtype=np.int64)
    rivals = np.bincount(right, minlength=len(test))
    alone = (count[left] == 1) & (rivals[right] == 1)
    partner[left[alone]] = right[alone]
    left, right = left[~alone], right[~alone]

    taken = np.zeros(len(test), dtype=bool)
    distance = np.abs(reference[left] - test[right])
    # Ties are broken by the pair's middle, which is the same from either side.
    for pair in np.lexsort((reference[left] + test[right], distance)):
        here, there = int(left[pair]), int(right[pair])
        if partner[here] >= 0 or taken[there]:
            continue
        if _crosses(partner, reference, here, there, 2 * window):
            continue
        partner[here] = there
        taken[there] = True
    matched = np.flatnonzero(partner >= 0)
    return matched, partner[matched]


def _crosses(
    partner: NDArray[np.int64], reference: NDArray[np.int64], here: int, there: int, reach: float
) -> bool:
    """Say whether a pair would cross one already made; only near ones can."""
    low, high = np.searchsorted(reference, [reference[here] - reach, reference[here] + reach + 1])
    before, after = partner[low:here], partner[here + 1 : high]
    return bool(np.any(before > there) or np.any((after >= 0) & (after < there)))
