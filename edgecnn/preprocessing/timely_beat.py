"""The timely beat of a person, out of the beats before, and each beat's P wave beside its own.

Where most beats are premature ones of the atria, the usual beat is one of these, and so is the
usual interval. What comes after one of the longer intervals is not premature: the timely beat is
the mean of those, of one shape. Its P wave is the sinus node's; where timely beats have no P wave
in common, the atria fibrillate.

As in :mod:`edgecnn.preprocessing.usual_beat`, all sums over beats are of integers, so a stream
gets the bits that a whole record gets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput, Likeness
from edgecnn.preprocessing.usual_beat import (
    alike_before,
    beat_chunks,
    compare_with,
    exact_sums,
    normalised_complexes,
    products_of,
)
from edgecnn.preprocessing.window_sums import Integers

__all__ = ["timely_beats"]

#: Where the P wave is looked for, in seconds from the R peak.
_P_S = (-0.3, -1 / 15)
#: Samples at either end that its baseline is drawn through, in seconds.
_END_S = 1 / 45
_ONE_UV = 16.0
#: No P wave is as large (66 mV); up to it, sums of energies stay exact.
_LARGEST = 2.0**20
_FEATURES = Likeness(set="p-wave").features
#: A beat holds at most this many times the timely P wave.
_MOST = 3.0
#: Beats that are compared with their templates at once.
_ROWS = 256


def timely_beats(
    windows: Integers, timely: NDArray[np.bool_], spec: BeatInput, *, first: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the timely beat before each beat, and how each resembles it.

    Parameters
    ----------
    windows : ndarray of int, shape (beats, samples)
        Filtered, around the R peaks.
    timely : ndarray of bool, shape (beats,)
        Which came after a long interval (:func:`edgecnn.preprocessing.rr.timely_beats_among`).
    spec : BeatInput
    first : int
        Rows before this one are there for those after them only, and are not returned.

    Returns
    -------
    template : ndarray of float32, shape (beats - first, samples)
        Mean of the timely ones of the ``template_beats`` beats before, of the shape that most of
        them have; where none was timely, of one beat.
    numbers : ndarray of float32, shape (beats - first, 17)
        As :attr:`~edgecnn.metadata.Likeness.features` names them.
    """
    waves = _p_waves(windows, spec)
    # Sums over samples, row by row: the same bits whatever rows are there.
    energy = np.einsum("ij,ij->i", waves, waves)
    past = _past_of(windows, timely, waves, energy, spec, first=first)
    numbers = np.empty((len(past.template), len(_FEATURES)), dtype=np.float32)
    # So few beats at a time that all of theirs stays in the processor's cache.
    for start in range(0, len(numbers), _ROWS):
        rows = slice(start, start + _ROWS)
        own = slice(first + start, first + start + _ROWS)
        template, p_wave = past.template[rows], past.p_wave[rows]
        size = np.sqrt(np.einsum("ij,ij->i", template, template) / template.shape[1]) + _ONE_UV
        features = compare_with(windows[own], template, spec)
        features += [*past.p_alike[:, rows]]
        features += _p_numbers(waves[own], energy[own], p_wave, size)
        numbers[rows] = np.stack([*features, past.share[rows]], axis=1)
    return past.template, numbers


class _Past(NamedTuple):
    """What the beats before each beat were like.

    Attributes
    ----------
    template : ndarray of float32, shape (beats, samples)
        Mean of the timely ones of one shape.
    p_wave : ndarray of float64, shape (beats, samples)
        Mean of their P waves.
    p_alike : ndarray of float64, shape (2, beats)
        How alike the P waves are, of the timely ones and of all of that shape.
    share : ndarray of float64, shape (beats,)
        How many are of that shape, 0..1.
    """

    template: NDArray[np.float32]
    p_wave: NDArray[np.float64]
    p_alike: NDArray[np.float64]
    share: NDArray[np.float64]


def _past_of(
    windows: Integers,
    timely: NDArray[np.bool_],
    waves: NDArray[np.float64],
    energy: NDArray[np.float64],
    spec: BeatInput,
    *,
    first: int,
) -> _Past:
    beats = len(windows) - first
    past = _Past(
        np.empty((beats, windows.shape[1]), dtype=np.float32),
        np.empty((beats, waves.shape[1])),
        np.empty((2, beats)),
        np.empty(beats),
    )
    complexes = normalised_complexes(windows, spec)
    for begin, start, stop in beat_chunks(len(windows), spec.template_beats, first=first):
        near, rows = slice(begin, stop), slice(start - first, stop - first)
        alike, centre = alike_before(
            products_of(complexes[near]), timely[near], start - begin, spec
        )
        past.share[rows] = alike.sum(axis=1) / spec.template_beats
        members = np.stack([alike & timely[near], alike])
        members[:, np.arange(len(alike)), centre] = True
        count = members.sum(axis=2)
        totals, past.p_alike[:, rows] = _waves_of(members, count, waves[near], energy[near])
        past.p_wave[rows] = totals[0] / count[0][:, None]
        past.template[rows] = exact_sums(members[0], windows[near]) / count[0][:, None]
    return past


def _p_waves(windows: Integers, spec: BeatInput) -> NDArray[np.float64]:
    """Cut out where the P wave is, without the line through its ends; whole numbers."""
    rate = spec.sampling_rate_hz
    start, stop = (max(0, spec.before + round(s * rate)) for s in _P_S)
    parts = windows[:, start : max(stop, start + 2)].astype(np.float64)
    end = max(1, min(round(_END_S * rate), parts.shape[1] // 2))
    left, right = (x.mean(axis=1)[:, None] for x in (parts[:, :end], parts[:, -end:]))
    slope = np.linspace(0, 1, parts.shape[1])
    waves: NDArray[np.float64] = np.rint(parts - (left * (1 - slope) + right * slope))
    return np.clip(waves, -_LARGEST, _LARGEST, out=waves)


def _waves_of(
    members: NDArray[np.bool_],
    count: NDArray[np.int64],
    waves: NDArray[np.float64],
    energy: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum the P waves of each row's members, and say how alike they are: 1 equal, 0 by chance.

    Parameters
    ----------
    members : ndarray of bool, shape (2, rows, beats)
    count : ndarray of int64, shape (2, rows)
    waves : ndarray of float64, shape (beats, samples)
    energy : ndarray of float64, shape (beats,)

    Returns
    -------
    totals : ndarray of float64, shape (2, rows, samples)
    alike : ndarray of float64, shape (2, rows)
    """
    flat = members.reshape(-1, members.shape[2])
    total, own = exact_sums(flat, waves), flat.astype(np.float64) @ energy
    together = np.einsum("ij,ij->i", total, total) - own
    many = count.reshape(-1)
    alike = np.where(many > 1, together / (np.maximum(many - 1, 1) * own + 1), 0.0)
    return total.reshape(*members.shape[:2], -1), alike.reshape(members.shape[:2])


def _p_numbers(
    waves: NDArray[np.float64],
    energy: NDArray[np.float64],
    usual: NDArray[np.float64],
    size: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """Compare each beat's P wave with the timely one."""
    norm = np.einsum("ij,ij->i", usual, usual) + 1
    product = np.einsum("ij,ij->i", waves, usual)
    rest = waves - usual
    return [
        np.log((usual.max(axis=1) - usual.min(axis=1)) / size + 0.01),
        product / np.sqrt(norm * (energy + 1)),
        np.clip(product / norm, -_MOST, _MOST),
        np.log(np.sqrt(np.einsum("ij,ij->i", rest, rest) / rest.shape[1]) / size + 0.01),
    ]
