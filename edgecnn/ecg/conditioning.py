"""One lead as a file or an electrode gives it, brought to what beats are cut from.

Scoring, the datasets that networks are trained on and the live stream all go through
:class:`LeadConditioner`, so that a beat of a training set is the beat that a device sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.gaps import LARGEST_MV, GapFiller, credible_mv, gaps_of
from edgecnn.errors import RecordError
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.preprocessing.resample import Resampler

__all__ = [
    "ConditionedLead",
    "LeadConditioner",
    "condition_lead",
    "place_beats",
    "rescale_samples",
    "signal_notes",
]

#: A skin electrode gives some mV, with drift some ten.
_LARGEST_SWING_MV = 200.0


class LeadConditioner:
    """Bring a stream of millivolts to microvolts at a model's rate, with gaps filled and marked.

    How the stream is cut into chunks makes no difference, to the last bit.

    Parameters
    ----------
    rate_hz, new_rate_hz : float
        The stream's rate and the model's.

    Attributes
    ----------
    look_ahead_s : float
        How long after its own time a sample comes out at the latest: the half length of the
        filter that changes the rate, and, in a gap, the longest gap that is bridged.

    Raises
    ------
    DataError
        A rate that is not positive, or rates too far apart.

    Examples
    --------
    >>> conditioner = LeadConditioner(360, 360)
    >>> signal_uv, valid = conditioner.push(np.array([0.0, np.nan]))
    >>> signal_uv.tolist()
    [0]
    >>> signal_uv, valid = conditioner.push(np.array([0.002]))
    >>> signal_uv.tolist(), valid.tolist()
    ([1, 2], [True, True])
    """

    def __init__(self, rate_hz: float, new_rate_hz: float) -> None:
        self._filler = GapFiller(rate_hz)
        self._resampler = Resampler(rate_hz, new_rate_hz) if rate_hz != new_rate_hz else None
        self._mask = np.empty(0, dtype=bool)
        self._mask_start = 0
        self._given = 0
        waits = self._filler.longest
        if self._resampler is not None:
            waits += self._resampler.look_ahead
        self.look_ahead_s = waits / rate_hz

    def samples_out(self, samples: int) -> int:
        """Return how many samples come out of a stream of so many."""
        if self._resampler is None or not samples:
            return samples
        return self._resampler.samples_out(samples)

    def push(self, chunk_mv: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Take more samples.

        Parameters
        ----------
        chunk_mv : ndarray of float, shape (samples,)
            One lead in millivolts. NaN, or a value beyond 10 V, where there is no signal.

        Returns
        -------
        signal_uv : ndarray of int64, shape (new samples,)
            Those that are complete, at the model's rate.
        valid : ndarray of bool, same shape
            False in gaps that were too long to be bridged.
        """
        filled, valid = self._filler.push(chunk_mv)
        if self._resampler is None:
            return to_microvolts(filled), valid
        return self._masked(self._resampler, self._resampler.push(filled), valid)

    def flush(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """End the stream; return the samples that are left."""
        filled, valid = self._filler.flush()
        if self._resampler is None:
            return to_microvolts(filled), valid
        last = np.concatenate([self._resampler.push(filled), self._resampler.flush()])
        return self._masked(self._resampler, last, valid)

    def _masked(
        self, resampler: Resampler, resampled: NDArray[np.float64], valid: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Mark as signal what lies between two samples that are."""
        up, down = resampler.up, resampler.down
        mask = np.concatenate([self._mask, valid])
        place = np.arange(self._given, self._given + resampled.size) * down
        newest = self._mask_start + mask.size - 1
        before = np.minimum(place // up, newest) - self._mask_start
        after = np.minimum(-(-place // up), newest) - self._mask_start
        seen = mask[before] & mask[after]
        self._given += resampled.size
        forgotten = min(self._given * down // up - self._mask_start, mask.size)
        self._mask = mask[forgotten:].copy()
        self._mask_start += forgotten
        return to_microvolts(resampled), seen


@dataclass(frozen=True, eq=False)
class ConditionedLead:
    """A lead in microvolts at a model's rate.

    Attributes
    ----------
    signal_uv : ndarray of int64, shape (samples,)
        At the model's rate.
    gaps : ndarray of int64, shape (gaps, 2)
        First sample of each gap that was too long to be bridged, and the first one after it, at
        the model's rate.
    record_gaps : ndarray of int64, shape (gaps, 2)
        The same gaps at the record's rate.
    notes : tuple of str
        What a reader of the results should know.
    """

    signal_uv: NDArray[np.int64]
    gaps: NDArray[np.int64]
    record_gaps: NDArray[np.int64]
    notes: tuple[str, ...]


def condition_lead(
    signal_mv: NDArray[np.floating], rate_hz: float, new_rate_hz: float
) -> ConditionedLead:
    """Condition a whole lead: what :class:`LeadConditioner` makes of it as a stream.

    Parameters
    ----------
    signal_mv : ndarray of float, shape (samples,)
        With at least one sample that is a number; NaN where there is no signal.
    rate_hz, new_rate_hz : float
        The record's rate and the model's.

    Raises
    ------
    RecordError
        Every sample that is a number lies beyond 10 V.

    Examples
    --------
    >>> condition_lead(np.array([0.0, np.nan, 0.002]), 360, 360).signal_uv.tolist()
    [0, 1, 2]
    """
    credible = credible_mv(signal_mv)
    valid = np.isfinite(credible)
    is_whole = bool(valid.all())
    seen = credible if is_whole else credible[valid]
    if not seen.size:
        raise RecordError(
            f"every sample lies beyond {LARGEST_MV:g} mV", hint="is the signal's unit right?"
        )
    conditioner = LeadConditioner(rate_hz, new_rate_hz)
    parts = [conditioner.push(credible), conditioner.flush()]
    signal_uv = np.concatenate([part for part, _ in parts])
    gaps = record_gaps = np.empty((0, 2), dtype=np.int64)
    if not is_whole:
        gaps = gaps_of(np.concatenate([mask for _, mask in parts]))
        record_gaps = gaps_of(valid, GapFiller(rate_hz).longest)
    notes = list(
        signal_notes(
            length=valid.size,
            numbers=int(np.count_nonzero(np.isfinite(signal_mv))),
            credible=seen.size,
            swing_mv=float(np.ptp(seen)),
        )
    )
    if rate_hz != new_rate_hz:
        notes.append(f"brought from {rate_hz:g} to {new_rate_hz:g} Hz")
    return ConditionedLead(signal_uv, gaps, record_gaps, tuple(notes))


def signal_notes(*, length: int, numbers: int, credible: int, swing_mv: float) -> Iterator[str]:
    """Say what a reader of the results should know of a lead's samples.

    Parameters
    ----------
    length, numbers, credible : int
        Samples: all, those that are numbers, and those among them that an electrode can give.
    swing_mv : float
        Between lowest and highest of the last.
    """
    if beyond := numbers - credible:
        yield f"{beyond} samples beyond {LARGEST_MV:g} mV taken as missing"
    if missing := length - credible:
        yield f"{missing} samples missing ({100 * missing / length:.2g} %)"
    if swing_mv > _LARGEST_SWING_MV:
        yield f"the signal swings by {swing_mv:.0f} mV: is its unit right?"
    elif swing_mv == 0:
        yield "the signal is flat"


def rescale_samples(samples: NDArray[np.integer], ratio: float, length: int) -> NDArray[np.int64]:
    """Bring sample numbers to another rate, ``ratio`` times as high, within ``length`` samples."""
    scaled: NDArray[np.int64] = np.rint(samples * ratio).astype(np.int64)
    return np.minimum(scaled, length - 1)


def place_beats(
    samples: NDArray[np.int64], ratio: float, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Bring given beats to another rate, where two may fall onto one sample and are one then.

    Parameters
    ----------
    samples : ndarray of int64, shape (beats,)
        Rising, within the signal.
    ratio : float
        The new rate by the present one.
    length : int
        Samples of the signal at the new rate.

    Returns
    -------
    at : ndarray of int64, shape (placed,)
        Samples at the new rate, rising.
    first : ndarray of int64, shape (placed,)
        Which of the given beats each one is; of two, the first.
    place : ndarray of int64, shape (beats,)
        Where in ``at`` each given beat is.

    Examples
    --------
    >>> at, first, place = place_beats(np.array([100, 201, 202]), 0.25, 90)
    >>> at.tolist(), first.tolist(), place.tolist()
    ([25, 50], [0, 1], [0, 1, 1])
    """
    at, first, place = np.unique(
        rescale_samples(samples, ratio, length), return_index=True, return_inverse=True
    )
    return at, first, place
