"""Heart rate from R peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["HeartRate", "heart_rate", "rr_intervals_s"]

#: Intervals that lowest and highest rate are averaged over, as Holter recorders do: a single
#: premature beat and its pause are no change of the heart rate.
_WINDOW = 8


@dataclass(frozen=True)
class HeartRate:
    """Beats per minute: over the whole record, and the lowest and highest of 8 intervals."""

    mean: float
    min: float
    max: float


def rr_intervals_s(
    samples: NDArray[np.int64], rate_hz: float, gaps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the time from each beat to the next, in seconds.

    Parameters
    ----------
    samples : ndarray of int64, shape (beats,)
        R peaks, rising.
    rate_hz : float
    gaps : ndarray of int64, shape (gaps, 2)
        Stretches without signal: an interval over one is NaN, beats may be missing in it.

    Returns
    -------
    ndarray of float64, shape (max(beats - 1, 0),)

    Examples
    --------
    >>> rr_intervals_s(np.array([0, 200, 700]), 250, np.array([[300, 400]])).tolist()
    [0.8, nan]
    """
    intervals = np.diff(samples) / rate_hz
    if len(gaps) and len(intervals):
        before = np.searchsorted(gaps[:, 0], samples)
        intervals[np.diff(before) > 0] = np.nan
    return intervals


def heart_rate(intervals_s: NDArray[np.float64]) -> HeartRate | None:
    """Return the heart rate of a record, or None without a single interval.

    Parameters
    ----------
    intervals_s : ndarray of float64, shape (intervals,)
        From :func:`rr_intervals_s`.

    Examples
    --------
    >>> heart_rate(np.array([1.0, 0.5]))
    HeartRate(mean=80.0, min=80.0, max=80.0)
    """
    known = intervals_s[np.isfinite(intervals_s)]
    if not len(known):
        return None
    total = np.concatenate([[0.0], np.cumsum(known)])
    window = min(_WINDOW, len(known))
    means = (total[window:] - total[:-window]) / window
    return HeartRate(
        mean=float(60 * len(known) / total[-1]),
        min=float(60 / means.max()),
        max=float(60 / means.min()),
    )
