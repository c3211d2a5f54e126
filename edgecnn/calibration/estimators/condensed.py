"""A histogram of fewer bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.calibration.histogram import Histogram

__all__ = ["condensed"]


def condensed(histogram: Histogram, limit: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Merge bins in pairs until at most ``limit`` are left between zero and the larger extreme.

    Returns
    -------
    edges : ndarray of float64, shape (bins + 1,)
        Multiples of the new width.
    counts : ndarray of float64, shape (bins,)
    """
    edges, counts = histogram.bins()
    width = histogram.width
    first = round(float(edges[0]) / width)
    last = first + counts.size - 1
    while max(-first, last + 1) > limit:
        numbers = np.arange(first, last + 1) // 2
        merged = np.zeros(last // 2 - first // 2 + 1, dtype=np.int64)
        np.add.at(merged, numbers - first // 2, counts)
        counts, first, last, width = merged, first // 2, last // 2, 2 * width
    edges = np.arange(first, last + 2, dtype=np.float64) * width
    return edges, counts.astype(np.float64)
