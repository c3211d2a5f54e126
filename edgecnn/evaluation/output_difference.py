"""How far two models' raw outputs lie apart."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edgecnn.evaluation.paired_answers import OutputDifference

_Number = np.floating | np.integer

__all__ = ["DifferenceSum", "decibels", "output_difference"]


class DifferenceSum:
    """Adds up the difference of two series of equally shaped arrays, batch by batch.

    Examples
    --------
    >>> total = DifferenceSum()
    >>> total.add(np.array([[3.0, 4.0]]), np.array([[3.0, 4.5]]))
    >>> total.result()
    OutputDifference(mean_abs=0.25, max_abs=0.5, sqnr_db=20.0, not_finite=0)
    """

    def __init__(self) -> None:
        self._count = 0
        self._sum = self._largest = self._signal = self._noise = 0.0
        self._not_finite = 0

    def add(self, first: NDArray[_Number], second: NDArray[_Number]) -> None:
        """Take in some examples; those with values that are no numbers are only counted.

        Parameters
        ----------
        first, second : ndarray, shape (N, ...)
        """
        one = np.asarray(first, np.float64).reshape(len(first), -1)
        other = np.asarray(second, np.float64).reshape(len(second), -1)
        finite = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
        self._not_finite += int(np.sum(~finite))
        one, other = one[finite], other[finite]
        if not one.size:
            return
        difference = other - one
        absolute = np.abs(difference)
        self._count += one.size
        self._sum += float(absolute.sum())
        self._largest = max(self._largest, float(absolute.max()))
        self._signal += float(np.vdot(one, one))
        self._noise += float(np.vdot(difference, difference))

    def result(self) -> OutputDifference:
        """Return mean, maximum and signal-to-noise ratio over everything."""
        return OutputDifference(
            mean_abs=self._sum / max(1, self._count),
            max_abs=self._largest,
            sqnr_db=decibels(self._signal, self._noise),
            not_finite=self._not_finite,
        )


def output_difference(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> OutputDifference:
    """Compare two arrays of outputs, whose first axis is the example."""
    total = DifferenceSum()
    total.add(first, second)
    return total.result()


def decibels(signal: float, noise: float) -> float | None:
    """Return a ratio of powers in dB; None without noise, or without a signal to compare it to.

    Examples
    --------
    >>> decibels(1000.0, 1.0), decibels(1.0, 0.0)
    (30.0, None)
    """
    return 10 * math.log10(signal / noise) if noise > 0 and signal > 0 else None
