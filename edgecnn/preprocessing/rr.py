"""RR intervals to the ratios that tell an early beat: causal, but for the one interval after it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput

__all__ = ["early_beats", "rhythm_ratios"]

_Number = TypeVar("_Number", np.int64, np.float64)

#: Intervals before a beat that its local rhythm is told from; the half of them, and the quarter.
LOCAL = 32
#: Intervals that differ by less than this share are alike.
_ALIKE = 0.03
#: A steady heart still varies by this much (in logarithms): nothing is divided by less.
_STEADIEST = 0.02
#: A beat with less than this share of the usual interval before it is early.
_TIMELY = 0.9
#: More than this many changes from the median is just far.
_FARTHEST = 8.0


def rhythm_ratios(
    peaks: NDArray[np.int64], spec: BeatInput, *, next_peak: int | None = None
) -> NDArray[np.float32]:
    """Compare each beat's RR intervals with those before it.

    Parameters
    ----------
    peaks : ndarray of int64, shape (beats,)
        Samples of the R peaks, rising.
    spec : BeatInput
    next_peak : int, optional
        Sample of the R peak after the last one, when it is known.

    Returns
    -------
    ndarray of float32, shape (beats, len(spec.rhythm.features))
        As :attr:`~edgecnn.metadata.RhythmFeatures.features` names them. A record's first beat has
        no interval before it and takes the one after; a last beat takes the longest interval (it
        waited that long). Before the record's first interval, that one is thought to go on.
    """
    rhythm = spec.rhythm
    if not peaks.size:
        return np.empty((0, len(rhythm.features)), dtype=np.float32)
    before, after = _intervals(peaks, spec, next_peak)
    short, long = (_running_mean(before, count) for count in (rhythm.short, rhythm.long))
    ratios = [before / long, after / long, before / short, after / before, short / long]
    logs = [np.log(ratio) for ratio in ratios]
    if rhythm.set == "local":
        logs += _local(before, after)
    return np.stack(logs, axis=1).astype(np.float32)


def early_beats(peaks: NDArray[np.int64], spec: BeatInput) -> NDArray[np.bool_]:
    """Say which beats came a tenth or more before their time, by the median of 16 intervals."""
    if not peaks.size:
        return np.empty(0, dtype=bool)
    before, _ = _intervals(peaks, spec, None)
    usual = _median(np.sort(_before_each(before, LOCAL // 2), axis=1))
    early: NDArray[np.bool_] = before < _TIMELY * usual
    return early


def _intervals(
    peaks: NDArray[np.int64], spec: BeatInput, next_peak: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the intervals before and after each beat, in samples."""
    longest = round(spec.rhythm.longest_s * spec.sampling_rate_hz)
    following = np.append(peaks[1:], next_peak if next_peak is not None else peaks[-1] + longest)
    after = np.clip(following - peaks, 1, longest)
    return np.concatenate([after[:1], after[:-1]]), after


def _local(before: NDArray[np.int64], after: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Compare with medians, quantiles and the single intervals before.

    A run of early beats, or a pause, moves a mean but not a median.
    """
    past = _before_each(before, LOCAL)
    ordered = np.sort(past, axis=1)
    half, quarter = (_median(np.sort(past[:, -count:], axis=1)) for count in (16, 8))
    one, two = past[:, -1], past[:, -2]
    change = np.abs(np.log(before / one))
    irregular = _median(np.sort(_before_each(change, LOCAL), axis=1))
    early = np.log(before / half)
    limit = before[:, None]
    return [
        early,
        np.log(before / quarter),
        np.log(before / one),
        np.log(one / half),
        np.log(two / half),
        np.log(after / half),
        np.log((before + after) / (2 * half)),
        np.log(before / ordered[:, (3 * LOCAL) // 4]),
        np.log(before / ordered[:, (9 * LOCAL) // 10]),
        irregular,
        np.log(ordered[:, (3 * LOCAL) // 4] / ordered[:, LOCAL // 4]),
        np.clip(early / (irregular + _STEADIEST), -_FARTHEST, _FARTHEST),
        np.mean(past < (1 - _ALIKE) * limit, axis=1),
        np.mean(past > (1 + _ALIKE) * limit, axis=1),
    ]


def _before_each(values: NDArray[_Number], count: int) -> NDArray[_Number]:
    """Return the ``count`` values before each, a row each; the first one repeats."""
    padded = np.concatenate([np.repeat(values[:1], count), values])
    return sliding_window_view(padded, count)[: len(values)]


def _median(ordered: NDArray[_Number]) -> NDArray[np.float64]:
    """Return the median of each row of an even number of values in order."""
    middle = ordered.shape[1] // 2
    median: NDArray[np.float64] = (ordered[:, middle - 1] + ordered[:, middle]) / 2
    return median


def _running_mean(intervals: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """Mean of each interval and the up to ``count - 1`` before it."""
    total = np.concatenate([[0], np.cumsum(intervals)])
    stop = np.arange(1, len(intervals) + 1)
    start = np.maximum(stop - count, 0)
    mean: NDArray[np.float64] = (total[stop] - total[start]) / (stop - start)
    return mean
