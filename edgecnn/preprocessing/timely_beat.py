"""The timely beat of a person, out of the beats before, and each beat's P wave beside its own.

Where most beats are premature ones of the atria, the usual beat is one of these, and so is the
usual interval. What comes after one of the longer intervals is not premature: the timely beat is
the mean of those, of one shape. Its P wave is the sinus node's; where timely beats have no P wave
in common, the atria fibrillate.

As in :mod:`edgecnn.preprocessing.usual_beat`, all sums over beats are of integers, so a stream
gets the bits that a whole record gets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import BeatInput, Likeness
from edgecnn.preprocessing.usual_beat import (
    alike_before,
    beat_chunks,
    compare_with,
    exact_sums,
    normalised_complexes,
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
#: A beat holds at most this many times the timely P wave.
_MOST = 3.0


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
    complexes = normalised_complexes(windows, spec)
    template = np.empty((len(windows) - first, windows.shape[1]), dtype=np.float32)
    numbers = np.empty((len(template), len(Likeness(set="p-wave").features)), dtype=np.float32)
    # So few beats at a time that all of theirs stays in the processor's cache.
    for begin, start, stop in beat_chunks(len(windows), spec.template_beats, first=first):
        near, own = slice(begin, stop), slice(start, stop)
        rows = slice(start - first, stop - first)
        alike, centre = alike_before(complexes[near], timely[near], start - begin, spec)
        share = alike.sum(axis=1) / spec.template_beats
        alike[np.arange(len(alike)), centre] = True
        chosen = alike & timely[near]
        chosen[np.arange(len(alike)), centre] = True
        p_wave, timely_share = _mean_wave(chosen, waves[near], energy[near])
        _, share_of_all = _mean_wave(alike, waves[near], energy[near])
        mean = template[rows]
        mean[:] = exact_sums(chosen, windows[near]) / chosen.sum(axis=1)[:, None]
        size = np.sqrt(np.einsum("ij,ij->i", mean, mean) / mean.shape[1]) + _ONE_UV
        features = compare_with(windows[own], mean, spec)
        features += [timely_share, share_of_all]
        features += _p_numbers(waves[own], energy[own], p_wave, size)
        numbers[rows] = np.stack([*features, share], axis=1)
    return template, numbers


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


def _mean_wave(
    members: NDArray[np.bool_], waves: NDArray[np.float64], energy: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average the members of each row, and say how alike they are: 1 equal, 0 by chance."""
    count, total = members.sum(axis=1), exact_sums(members, waves)
    own = members.astype(np.float64) @ energy
    together = np.einsum("ij,ij->i", total, total) - own
    alike = together / (np.maximum(count - 1, 1) * own + 1)
    return total / count[:, None], np.where(count > 1, alike, 0.0)


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
