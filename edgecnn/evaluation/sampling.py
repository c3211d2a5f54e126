"""Which examples of a dataset to take, when not all are wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw"]


def draw(
    n: int, limit: int | None, *, targets: NDArray[np.int64] | None = None, seed: int = 0
) -> NDArray[np.int64]:
    """Draw examples at random, in rising order; the same ones for the same seed.

    Parameters
    ----------
    n : int
        Number of examples in the dataset.
    limit : int or None
        How many to draw; None, or as many as there are, takes all.
    targets : ndarray of int64, shape (n,), optional
        Draw the classes as evenly as they allow: a set of 256 beats drawn blindly from an ECG
        holds two or three of a class that makes up one percent.

    Examples
    --------
    >>> draw(10, 3, seed=1).tolist()
    [4, 7, 8]
    >>> rare = np.array([0] * 98 + [1] * 2)
    >>> rare[draw(100, 10, targets=rare)].tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
    """
    if limit is None or limit >= n:
        return np.arange(n)
    order = np.random.default_rng(seed).permutation(n)
    if targets is not None:
        # An example's turn is its rank within its class: first everyone's first, then everyone's
        # second, ... so that short classes run out and long ones fill the rest.
        turn = np.empty(n, dtype=np.int64)
        for label in np.unique(targets):
            members = np.flatnonzero(targets[order] == label)
            turn[members] = np.arange(members.size)
        order = order[np.argsort(turn, kind="stable")]
    return np.sort(order[:limit])
