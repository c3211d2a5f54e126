"""The usual beat of a person, out of the beats before, and how each beat resembles it.

A mean of the last beats is a mixture where every other beat is ectopic. The usual beat is the mean
of those that resemble each other: of the beats before that did not come early, the one that the
others resemble most (the medoid), and all that resemble it.

Correlations are integers here: QRS complexes are brought to a norm of 2,000 and rounded, so that
every sum in a product of two of them is exact in float32 (below 2²³), whatever the order that a
library adds in. A stream that sees a few beats at a time gets the bits that a whole record gets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput
from edgecnn.preprocessing.window_sums import Integers

__all__ = ["likeness", "usual_beats"]

_NORM = 2000
#: Correlation from which on two QRS complexes are alike, and below which they are nothing alike.
_ALIKE = 0.9
_UNLIKE = 0.5
#: Beats that are compared in one go: a product of more does more that is not asked for.
_CHUNK = 64

#: Parts of a beat, in seconds from the R peak.
_QRS_S = (-0.1, 0.1)
_P_S = (-0.24, -0.06)
_T_S = (0.1, 0.42)
#: Filtered windows count 16 to the microvolt: nothing is divided by less than that.
_ONE_UV = 16.0


def usual_beats(
    windows: Integers, early: NDArray[np.bool_], spec: BeatInput
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the usual beat before each beat, and how each resembles the beats before it.

    Parameters
    ----------
    windows : ndarray of int, shape (beats, samples)
        Filtered, around the R peaks.
    early : ndarray of bool, shape (beats,)
        Beats that have no say in what is usual (:func:`edgecnn.preprocessing.rr.early_beats`),
        but where all were early.
    spec : BeatInput

    Returns
    -------
    usual : ndarray of float64, shape (beats, samples)
        Mean of those of the ``template_beats`` beats before that are alike; the first beat is its
        own.
    resembled : ndarray of int64, shape (beats, template_beats)
        Correlation of its QRS complex with those before, times 2,000², the latest last; that with
        itself where a record has no more beats before.
    """
    count = spec.template_beats
    usual = np.empty(windows.shape, dtype=np.float64)
    resembled = np.empty((len(windows), count), dtype=np.int64)
    complexes = _normalised(windows[:, _part(spec, _QRS_S)])
    for first, start, stop in _chunks(len(windows), count):
        near = complexes[first:stop]
        gram = np.rint(near @ near.T).astype(np.int32)
        rows = np.arange(start - first, stop - first)
        # Columns of the beats before each row, the oldest first; -1 and less: none.
        columns = rows[:, None] + np.arange(-count, 0)
        there = columns >= 0
        columns = np.maximum(columns, 0)
        own = gram[rows[:, None], columns]
        resembled[start:stop] = np.where(there, own, _NORM * _NORM)
        centre = _medoids(gram, columns, there, there & ~early[first:stop][columns])
        alike = gram[centre[:, None], columns] >= _ALIKE * _NORM * _NORM
        chosen = np.zeros((len(rows), len(near)))
        np.put_along_axis(chosen, columns, 0.0, axis=1)
        at_row, at_column = np.nonzero(alike & there)
        chosen[at_row, columns[at_row, at_column]] = 1.0
        # The medoid stands for itself even where its own norm was rounded down, as of a flat line.
        chosen[np.arange(len(rows)), centre] = 1.0
        # Sums of integers below 2⁵³: exact in any order.
        total = chosen @ windows[first:stop].astype(np.float64)
        usual[start:stop] = total / chosen.sum(axis=1)[:, None]
    return usual, resembled


def likeness(
    windows: Integers,
    usual: NDArray[np.float64],
    resembled: NDArray[np.int64],
    spec: BeatInput,
) -> NDArray[np.float32]:
    """Say in numbers how each beat resembles the usual one.

    Returns
    -------
    ndarray of float32, shape (beats, 13)
        As :attr:`~edgecnn.metadata.Likeness.features` names them.
    """
    beats = windows.astype(np.float64)
    size = np.sqrt(np.mean(usual * usual, axis=1)) + _ONE_UV
    parts = [_part(spec, where) for where in (_QRS_S, _P_S, _T_S)]
    qrs, p, _ = parts
    features = [_correlation(beats[:, part], usual[:, part]) for part in parts]
    features += [_log(_rms((beats - usual)[:, part]) / size) for part in parts]
    features += [
        np.log((_swing(beats[:, qrs]) + _ONE_UV) / (_swing(usual[:, qrs]) + _ONE_UV)),
        np.log((_area(beats[:, qrs]) + _ONE_UV) / (_area(usual[:, qrs]) + _ONE_UV)),
        _log(_swing(beats[:, p]) / size),
        _log(_swing(usual[:, p]) / size),
    ]
    scale = _NORM * _NORM
    middle = spec.template_beats // 2
    features += [
        np.sort(resembled, axis=1)[:, middle] / scale,
        np.mean(resembled >= _ALIKE * scale, axis=1),
        resembled[:, -1] / scale,
    ]
    return np.stack(features, axis=1).astype(np.float32)


def _chunks(beats: int, before: int) -> Iterator[tuple[int, int, int]]:
    """Give the first beat that is looked at, and the first and last that are asked about."""
    for start in range(0, beats, _CHUNK):
        yield max(0, start - before), start, min(start + _CHUNK, beats)


def _medoids(
    gram: NDArray[np.int32],
    columns: NDArray[np.int64],
    there: NDArray[np.bool_],
    timely: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Return, of the beats before each row, the one that the others resemble most; the latest."""
    above = np.maximum(gram - int(_UNLIKE * _NORM * _NORM), 0)
    votes = np.where(timely.any(axis=1, keepdims=True), timely, there)
    near = above[columns[:, :, None], columns[:, None, :]]
    sums = (near * votes[:, None, :]).sum(axis=2, dtype=np.int64)
    sums[~votes] = -1
    # argmax takes the first of equals: of the rows turned round, the latest beat.
    latest = sums.shape[1] - 1 - np.argmax(sums[:, ::-1], axis=1)
    centre: NDArray[np.int64] = columns[np.arange(len(columns)), latest]
    return centre


def _normalised(parts: Integers) -> NDArray[np.float32]:
    """Bring each row, without its mean, to a norm of 2,000 and round it."""
    centred = parts - parts.mean(axis=1, keepdims=True)
    norm = np.sqrt((centred * centred).sum(axis=1, keepdims=True))
    rounded: NDArray[np.float32] = np.rint(centred * (_NORM / np.maximum(norm, _ONE_UV))).astype(
        np.float32
    )
    return rounded


def _part(spec: BeatInput, where_s: tuple[float, float]) -> slice:
    """Return the columns of a stretch of the beat, as far as the window holds it."""
    first, last = (spec.before + round(s * spec.sampling_rate_hz) for s in where_s)
    size = spec.before + spec.after
    first, last = max(0, first), min(size, last)
    return slice(first, last) if last - first > 1 else slice(0, size)


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    one, other = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    product = (one * one).sum(axis=1) * (other * other).sum(axis=1)
    result: NDArray[np.float64] = (one * other).sum(axis=1) / np.sqrt(product + _ONE_UV**2)
    return result


def _rms(x: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.sqrt((x * x).mean(axis=1))
    return result


def _swing(x: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = x.max(axis=1) - x.min(axis=1)
    return result


def _area(x: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.abs(x).sum(axis=1)
    return result


def _log(ratio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of a ratio that may be 0, as of a flat line."""
    result: NDArray[np.float64] = np.log(ratio + 0.01)
    return result
