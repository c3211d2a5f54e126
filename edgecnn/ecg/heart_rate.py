"""Heart rate and its variability from R peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["HeartRate", "Variability", "heart_rate", "rr_intervals_s", "variability"]

#: Intervals that lowest and highest rate are averaged over, as Holter recorders do: a single
#: premature beat and its pause are no change of the heart rate.
_WINDOW = 8


@dataclass(frozen=True)
class HeartRate:
    """Beats per minute: over the whole record, and the lowest and highest of 8 intervals."""

    mean: float
    min: float
    max: float


@dataclass(frozen=True)
class Variability:
    """How the heart rate varies from beat to beat.

    Attributes
    ----------
    sdnn_ms : float or None
        Standard deviation of the normal-to-normal intervals; None with fewer than two.
    rmssd_ms : float or None
        Root mean square of the differences of successive ones; None without two in succession.
    intervals : int
        Normal-to-normal intervals that there are.
    """

    sdnn_ms: float | None
    rmssd_ms: float | None
    intervals: int


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


def variability(intervals_s: NDArray[np.float64], normal: NDArray[np.bool_]) -> Variability:
    """Return SDNN and RMSSD (Task Force of the ESC and NASPE 1996, doi:10.1161/01.CIR.93.5.1043).

    Parameters
    ----------
    intervals_s : ndarray of float64, shape (beats - 1,)
        From :func:`rr_intervals_s`; NaN over a gap.
    normal : ndarray of bool, shape (beats,)
        Beats of sinus rhythm: an interval counts if both its beats are.

    Examples
    --------
    >>> found = variability(np.array([0.8, 0.82, 0.5, 1.1, 0.8]), np.array([1, 1, 1, 0, 1, 1]) > 0)
    >>> found.intervals, round(found.sdnn_ms, 2), round(found.rmssd_ms, 1)
    (3, 11.55, 20.0)
    """
    if not len(intervals_s):
        return Variability(None, None, 0)
    counts = normal[:-1] & normal[1:] & np.isfinite(intervals_s)
    known = intervals_s[counts]
    steps = np.diff(intervals_s)[counts[:-1] & counts[1:]]
    return Variability(
        sdnn_ms=float(1000 * known.std(ddof=1)) if len(known) > 1 else None,
        rmssd_ms=float(1000 * np.sqrt(np.mean(steps * steps))) if len(steps) else None,
        intervals=len(known),
    )
