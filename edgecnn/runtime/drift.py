"""How far what a device sees lies from what its model file was calibrated with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import Distribution

__all__ = ["count_values", "ks_distance", "mean_shift", "psi", "sum_values"]

#: Share that an empty bin is given, so that its logarithm is a number.
_LEAST = 1e-4


def count_values(values: NDArray[np.floating], reference: Distribution) -> NDArray[np.int64]:
    """Count values between a reference's cuts; counts of several pieces may be added up.

    Returns
    -------
    ndarray of int64, shape (cuts + 1,)
    """
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    places = np.searchsorted(np.array(reference.cuts), flat, side="right")
    return np.bincount(places, minlength=len(reference.cuts) + 1).astype(np.int64)


def sum_values(values: NDArray[np.floating], reference: Distribution) -> NDArray[np.float64]:
    """Add values up between a reference's cuts; sums of several pieces may be added up.

    Returns
    -------
    ndarray of float64, shape (cuts + 1,)
    """
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    places = np.searchsorted(np.array(reference.cuts), flat, side="right")
    sums: NDArray[np.float64] = np.bincount(
        places, weights=flat, minlength=len(reference.cuts) + 1
    ).astype(np.float64)
    return sums


def psi(counts: NDArray[np.integer], reference: Distribution) -> float:
    """Return the population stability index: 0 for the same distribution.

    By custom, below 0.1 nothing has changed, above 0.25 much has.

    Parameters
    ----------
    counts : ndarray of int
        From :func:`count_values`; at least one value.
    reference : Distribution
        From the file's :class:`~edgecnn.metadata.Baseline`.

    Notes
    -----
    The symmetric Kullback-Leibler divergence (Jeffreys 1946) over bins of about equal shares, each
    of at least 0.0001.

    Examples
    --------
    >>> half = Distribution(what="output", n=2, low=0, high=1, mean=0.5, std=0.5,
    ...                     cuts=(0.5,), shares=(0.5, 0.5))
    >>> psi(np.array([5, 5]), half), round(psi(np.array([9, 1]), half), 2)
    (0.0, 0.88)
    """
    expected = np.maximum(np.array(reference.shares), _LEAST)
    actual = np.maximum(np.asarray(counts) / np.sum(counts), _LEAST)
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def ks_distance(counts: NDArray[np.integer], reference: Distribution) -> float:
    """Return the Kolmogorov-Smirnov distance at the cuts: 0 for the same distribution, up to 1.

    The largest difference of the two cumulative distributions; between cuts it may be larger by no
    more than a bin's share, about a twentieth.

    Parameters
    ----------
    counts : ndarray of int
        From :func:`count_values`; at least one value.
    reference : Distribution
    """
    seen = np.cumsum(np.asarray(counts) / np.sum(counts))
    return float(np.max(np.abs(seen - np.cumsum(reference.shares))[:-1], initial=0.0))


def mean_shift(
    counts: NDArray[np.integer], sums: NDArray[np.floating], reference: Distribution
) -> float:
    """Return how far values moved on average, in standard deviations of the reference.

    The Wasserstein distance of two distributions of which each is told by its bins' means, the
    reference's by their middles.

    Parameters
    ----------
    counts : ndarray of int
        From :func:`count_values`; at least one value.
    sums : ndarray of float
        From :func:`sum_values`, of the same values.
    reference : Distribution

    Examples
    --------
    >>> half = Distribution(what="output", n=2, low=0, high=1, mean=0.5, std=0.5,
    ...                     cuts=(0.5,), shares=(0.5, 0.5))
    >>> mean_shift(np.array([4, 4]), np.array([1.0, 3.0]), half)
    0.0
    >>> mean_shift(np.array([0, 8]), np.array([0.0, 6.0]), half)
    0.5
    """
    edges = np.array([min(reference.low, *reference.cuts), *reference.cuts,
                      max(reference.high, *reference.cuts)])  # fmt: skip
    middles = (edges[:-1] + edges[1:]) / 2
    means = np.divide(sums, counts, out=middles.copy(), where=np.asarray(counts) > 0)
    expected, seen = np.cumsum(reference.shares), np.cumsum(counts / np.sum(counts))
    # Between these shares neither quantile changes.
    steps = np.union1d(expected, seen).clip(0, 1)
    widths = np.diff(np.concatenate([[0.0], steps]))
    inside = steps - widths / 2
    most = len(middles) - 1
    first = middles[np.searchsorted(expected, inside).clip(0, most)]
    second = means[np.searchsorted(seen, inside).clip(0, most)]
    distance = float(np.sum(widths * np.abs(first - second)))
    return distance / reference.std if reference.std > 0 else 0.0
