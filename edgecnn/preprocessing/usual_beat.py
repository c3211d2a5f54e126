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
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput
from edgecnn.preprocessing.window_sums import Integers

__all__ = [
    "Floats",
    "alike_before",
    "beat_chunks",
    "compare_with",
    "exact_sums",
    "likeness",
    "normalised_complexes",
    "products_of",
    "usual_beats",
]

Floats: TypeAlias = NDArray[np.floating[Any]]

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
    complexes = normalised_complexes(windows, spec)
    for first, start, stop in beat_chunks(len(windows), count):
        near = complexes[first:stop]
        rows = np.arange(start - first, stop - first)
        # Columns of the beats before each row, the oldest first; -1 and less: none.
        columns = rows[:, None] + np.arange(-count, 0)
        products = products_of(near)
        own = np.take_along_axis(products[rows], np.maximum(columns, 0), axis=1)
        resembled[start:stop] = np.where(columns >= 0, own, _NORM * _NORM)
        chosen, centre = alike_before(products, ~early[first:stop], start - first, spec)
        # The medoid stands for itself even where its own norm was rounded down, as of a flat line.
        chosen[np.arange(len(rows)), centre] = True
        total = exact_sums(chosen, windows[first:stop])
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
    features = compare_with(windows, usual, spec)
    scale = _NORM * _NORM
    middle = spec.template_beats // 2
    features += [
        np.sort(resembled, axis=1)[:, middle] / scale,
        np.mean(resembled >= _ALIKE * scale, axis=1),
        resembled[:, -1] / scale,
    ]
    return np.stack(features, axis=1).astype(np.float32)


def compare_with(windows: Integers, usual: Floats, spec: BeatInput) -> list[Floats]:
    """Return the ten numbers that compare each beat with its template alone, of its precision."""
    beats = windows.astype(usual.dtype)
    size = _rms(usual) + usual.dtype.type(_ONE_UV)
    rest = beats - usual
    parts = [_part(spec, where) for where in (_QRS_S, _P_S, _T_S)]
    qrs, p, _ = parts
    features = [_correlation(beats[:, part], usual[:, part]) for part in parts]
    features += [_log(_rms(rest[:, part]) / size) for part in parts]
    features += [
        np.log((_swing(beats[:, qrs]) + _ONE_UV) / (_swing(usual[:, qrs]) + _ONE_UV)),
        np.log((_area(beats[:, qrs]) + _ONE_UV) / (_area(usual[:, qrs]) + _ONE_UV)),
        _log(_swing(beats[:, p]) / size),
        _log(_swing(usual[:, p]) / size),
    ]
    return features


def beat_chunks(beats: int, before: int, *, first: int = 0) -> Iterator[tuple[int, int, int]]:
    """Give the first beat that is looked at, and the first and last that are asked about."""
    for start in range(first, beats, _CHUNK):
        yield max(0, start - before), start, min(start + _CHUNK, beats)


def normalised_complexes(windows: Integers, spec: BeatInput) -> NDArray[np.float32]:
    """Bring each QRS complex, without its mean, to a norm of 2,000 and round it."""
    parts = windows[:, _part(spec, _QRS_S)]
    centred = parts - parts.mean(axis=1, keepdims=True)
    norm = np.sqrt((centred * centred).sum(axis=1, keepdims=True))
    rounded: NDArray[np.float32] = np.rint(centred * (_NORM / np.maximum(norm, _ONE_UV))).astype(
        np.float32
    )
    return rounded


def alike_before(
    products: NDArray[np.float32], timely: NDArray[np.bool_], first: int, spec: BeatInput
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Say which of the beats before each are of the shape that most of them have.

    Parameters
    ----------
    products : ndarray of float32, shape (beats, beats)
        From :func:`products_of` few beats.
    timely : ndarray of bool, shape (beats,)
        Those that have a say in what is usual, but where none of the beats before has one.
    first : int
        Rows before this one are there for those after them only.

    Returns
    -------
    alike : ndarray of bool, shape (beats - first, beats)
        Of the ``template_beats`` before each.
    medoid : ndarray of int64, shape (beats - first,)
        The beat before that those with a say resemble most, the latest of equals; the first beat
        is its own.
    """
    beats = len(products)
    rows, place = np.arange(first, beats), np.arange(beats)
    before = (place < rows[:, None]) & (place >= rows[:, None] - spec.template_beats)
    votes = before & timely
    votes = np.where(votes.any(axis=1, keepdims=True), votes, before)
    above = np.maximum(products.astype(np.float64) - int(_UNLIKE * _NORM * _NORM), 0.0)
    # One product for all rows; sums of integers below 2⁵³ are exact in any order.
    sums = votes.astype(np.float64) @ above
    sums[~votes] = -1.0
    # argmax takes the first of equals: of the columns turned round, the latest beat.
    latest = beats - 1 - np.argmax(sums[:, ::-1], axis=1)
    medoid: NDArray[np.int64] = np.where(votes.any(axis=1), latest, 0)
    return before & (products[medoid] >= _ALIKE * _NORM * _NORM), medoid


def exact_sums(
    members: NDArray[np.bool_], values: Integers | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum the members of each row: whole numbers, the same bits in whatever order they are added.

    They are in float32 where they stay below 2²⁴, which takes half the time, else below 2⁵³.
    """
    largest = max(int(values.max(initial=0)), -int(values.min(initial=0)))
    kind = np.float32 if largest * members.shape[1] < 1 << 24 else np.float64
    sums: NDArray[np.float64] = (members.astype(kind) @ values.astype(kind)).astype(np.float64)
    return sums


def products_of(complexes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Correlate each complex with each, times 2,000²: whole numbers, exact in float32."""
    products: NDArray[np.float32] = np.rint(complexes @ complexes.T)
    return products


def _part(spec: BeatInput, where_s: tuple[float, float]) -> slice:
    """Return the columns of a stretch of the beat, as far as the window holds it."""
    first, last = (spec.before + round(s * spec.sampling_rate_hz) for s in where_s)
    size = spec.before + spec.after
    first, last = max(0, first), min(size, last)
    return slice(first, last) if last - first > 1 else slice(0, size)


def _correlation(one: Floats, other: Floats) -> Floats:
    one, other = (x - x.mean(axis=1, keepdims=True) for x in (one, other))
    # Roots first: the product of both squares is more than float32 holds of an artefact.
    norm = np.sqrt(_dot(one, one) + _ONE_UV) * np.sqrt(_dot(other, other) + _ONE_UV)
    result: Floats = _dot(one, other) / norm
    return result


def _rms(x: Floats) -> Floats:
    result: Floats = np.sqrt(_dot(x, x) / x.dtype.type(x.shape[1]))
    return result


def _dot(one: Floats, other: Floats) -> Floats:
    """Sum the products of each row, without an array of them."""
    result: Floats = np.einsum("ij,ij->i", one, other)
    return result


def _swing(x: Floats) -> Floats:
    result: Floats = x.max(axis=1) - x.min(axis=1)
    return result


def _area(x: Floats) -> Floats:
    result: Floats = np.abs(x).sum(axis=1)
    return result


def _log(ratio: Floats) -> Floats:
    """Logarithm of a ratio that may be 0, as of a flat line."""
    result: Floats = np.log(ratio + 0.01)
    return result
