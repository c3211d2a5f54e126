"""RR intervals to the ratios that tell an early beat: causal, but for the one interval after it."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput

__all__ = ["early_beats", "rhythm_ratios", "timely_beats_among"]

_Number = TypeVar("_Number", np.int64, np.float64)

#: Intervals before a beat that its local rhythm is told from; the half of them, and the quarter.
LOCAL = 32
#: Intervals that differ by less than this share are alike.
_ALIKE = 0.03
#: A steady heart still varies by this much (in logarithms): nothing is divided by less.
_STEADIEST = 0.02
#: A beat with less than this share of the usual interval before it is early.
_TIMELY = 0.9
#: Intervals, with the one before a beat, that tell what a long one is.
_SPREAD = 64
#: A beat that came after less than this share of their ninth decile is not timely.
_LONG = 0.85
#: Bounds of the shares of intervals, in their ninth decile.
_BOUNDS = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, np.inf)
#: More than this many changes from the median is just far.
_FARTHEST = 8.0


def rhythm_ratios(
    peaks: NDArray[np.int64], spec: BeatInput, *, next_peak: int | None = None, first: int = 0
) -> NDArray[np.float32]:
    """Compare each beat's RR intervals with those before it.

    Parameters
    ----------
    peaks : ndarray of int64, shape (beats,)
        Samples of the R peaks, rising.
    spec : BeatInput
    next_peak : int, optional
        Sample of the R peak after the last one, when it is known.
    first : int
        Beats before this one are there for those after them only, and get no row.

    Returns
    -------
    ndarray of float32, shape (beats - first, len(spec.rhythm.features))
        As :attr:`~edgecnn.metadata.RhythmFeatures.features` names them. A record's first beat has
        no interval before it and takes the one after; a last beat takes the longest interval (it
        waited that long). Before the record's first interval, that one is thought to go on.
    """
    rhythm = spec.rhythm
    if not peaks.size:
        return np.empty((0, len(rhythm.features)), dtype=np.float32)
    before, after = _intervals(peaks, spec, next_peak)
    after = after[first:]
    short, long = (_running_mean(before, count)[first:] for count in (rhythm.short, rhythm.long))
    own = before[first:]
    ratios = [own / long, after / long, own / short, after / own, short / long]
    logs = [np.log(ratio) for ratio in ratios]
    if rhythm.set != "means":
        logs += _local(before, after)
    if rhythm.set == "wide":
        logs += _wide(_long_intervals(peaks, spec, next_peak), after, spec.sampling_rate_hz)
    return np.stack(logs, axis=1).astype(np.float32)


def early_beats(peaks: NDArray[np.int64], spec: BeatInput) -> NDArray[np.bool_]:
    """Say which beats came a tenth or more before their time, by the median of 16 intervals."""
    if not peaks.size:
        return np.empty(0, dtype=bool)
    before, _ = _intervals(peaks, spec, None)
    usual = _median(np.sort(_before_each(before, LOCAL // 2), axis=1))
    early: NDArray[np.bool_] = before < _TIMELY * usual
    return early


def timely_beats_among(peaks: NDArray[np.int64], spec: BeatInput) -> NDArray[np.bool_]:
    """Say which beats came after one of the longer of the last 64 intervals.

    Where most beats are early, those are the few that are not.
    """
    if not peaks.size:
        return np.empty(0, dtype=bool)
    before = _long_intervals(peaks, spec, None)
    top = _ninth_decile(np.sort(_with_each(before, _SPREAD), axis=1))
    timely: NDArray[np.bool_] = before >= _LONG * top
    return timely


def _long_intervals(
    peaks: NDArray[np.int64], spec: BeatInput, next_peak: int | None
) -> NDArray[np.int64]:
    """Return the intervals before each beat, clipped to twice the usual limit: a pause counts."""
    _, after = _intervals(peaks, spec, next_peak)
    longest = 2 * round(spec.rhythm.longest_s * spec.sampling_rate_hz)
    # The first beat takes the one after it, which is not waited for any longer.
    intervals: NDArray[np.int64] = np.clip(np.diff(peaks, prepend=peaks[0] - after[0]), 1, longest)
    return intervals


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

    A run of early beats, or a pause, moves a mean but not a median. Rows are those of ``after``;
    the intervals before may begin earlier.
    """
    first = len(before) - len(after)
    every = _before_each(before, LOCAL)
    change = np.abs(np.log(before / every[:, -1]))
    irregular = _median(np.sort(_before_each(change, LOCAL)[first:], axis=1))
    past, before = every[first:], before[first:]
    ordered = np.sort(past, axis=1)
    half, quarter = (_median(np.sort(past[:, -count:], axis=1)) for count in (16, 8))
    one, two = past[:, -1], past[:, -2]
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


def _wide(
    before: NDArray[np.int64], after: NDArray[np.int64], rate_hz: float
) -> list[NDArray[np.float64]]:
    """Say how long intervals are, and how the last ones are spread below their longest.

    Columns of the recent past hold the interval before the beat itself too. Rows are those of
    ``after``; the intervals before may begin earlier.
    """
    first = len(before) - len(after)
    every = before
    before = every[first:]
    features = [np.log(before / rate_hz), np.log(after / rate_hz)]
    for count in (32, 128):
        past = _with_each(every, count)[first:]
        ordered = np.sort(past, axis=1)
        low, half, high, top = (
            ordered[:, place] for place in (count // 4, count // 2, 3 * count // 4, 9 * count // 10)
        )
        features += [np.log(before / longer) for longer in (half, high, top)]
        features += [np.log(high / low), np.log(top / half), np.log(after / top)]
        features.append(np.mean(past < 0.8 * top[:, None], axis=1))
    one = np.concatenate([every[:1], every[:-1]])
    two = np.concatenate([one[:1], one[:-1]])
    features += [
        np.log(half / rate_hz),
        np.log(top / rate_hz),
        np.log(one[first:] / top),
        np.log(two[first:] / top),
    ]
    return features + _spread(every, first)


def _spread(before: NDArray[np.int64], first: int) -> list[NDArray[np.float64]]:
    """Tell one rhythm from two, and from none, by the last 64 intervals."""
    top = _ninth_decile(np.sort(_with_each(before, _SPREAD)[first:], axis=1))
    # A column for each beat: compared and counted along the beats, many at once.
    past = _with_each(before.astype(np.float64), _SPREAD)[first:].T
    # Intervals below each bound, without a comparison for every pair of bounds.
    below = [_count(past < bound * top) for bound in _BOUNDS]
    shares = [(more - less) / _SPREAD for less, more in pairwise(below)]
    logs = np.log(before)
    apart = np.abs(_with_each(logs, _SPREAD)[first:, :-1].T - logs[first:])
    # The first of 64 has no change: it counts as one of nothing.
    change = np.abs(np.diff(logs, prepend=logs[:1]))
    padded = np.concatenate([np.zeros(_SPREAD - 2), change])
    changes = sliding_window_view(padded, _SPREAD - 1)[first:]
    ordered = np.sort(changes, axis=1)
    return [
        *shares,
        _count(apart < 0.04) / (_SPREAD - 1),
        _count(apart < 0.1) / (_SPREAD - 1),
        (1 + _count(changes.T < 0.05)) / _SPREAD,
        _count(changes.T > 0.15) / _SPREAD,
        (ordered[:, _SPREAD // 2 - 2] + ordered[:, _SPREAD // 2 - 1]) / 2,
        _count((past >= 0.65 * top) & (past < 0.85 * top)) / _SPREAD,
    ]


def _count(which: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count them in each column, of fewer than 256."""
    counts: NDArray[np.int64] = np.add.reduce(which, axis=0, dtype=np.uint8).astype(np.int64)
    return counts


def _ninth_decile(ordered: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return it of each row of 64 in order: seven tenths of the way from the 57th to the 58th."""
    decile: NDArray[np.float64] = 0.3 * ordered[:, 56] + 0.7 * ordered[:, 57]
    return decile


def _with_each(values: NDArray[_Number], count: int) -> NDArray[_Number]:
    """Return each value after the ``count - 1`` before it, a row each; the first one repeats."""
    padded = np.concatenate([np.repeat(values[:1], count - 1), values])
    return sliding_window_view(padded, count)


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
