"""One lead as a file holds it, brought to what beats are cut from.

Scoring and the datasets that networks are trained on both go through here, so that a beat of a
training set is the beat that a device sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import RecordError
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.preprocessing.resample import resample

__all__ = ["ConditionedLead", "condition_lead", "credible_mv", "rescale_samples", "touches"]

#: Gaps up to this length are bridged: shorter than any wave of a beat.
_BRIDGED_S = 0.02
#: A skin electrode gives some mV, with drift some ten.
_LARGEST_SWING_MV = 200.0
#: Beyond this a sample is no voltage, not even one in a mistaken unit.
_LARGEST_MV = 1e4


@dataclass(frozen=True, eq=False)
class ConditionedLead:
    """A lead in microvolts at a model's rate.

    Attributes
    ----------
    signal_uv : ndarray of int64, shape (samples,)
        At the model's rate.
    gaps : ndarray of int64, shape (gaps, 2)
        First sample of each gap that was too long to be bridged, and the first one after it, at
        the record's rate.
    notes : tuple of str
        What a reader of the results should know.
    """

    signal_uv: NDArray[np.int64]
    gaps: NDArray[np.int64]
    notes: tuple[str, ...]


def condition_lead(
    signal_mv: NDArray[np.floating], rate_hz: float, new_rate_hz: float
) -> ConditionedLead:
    """Bridge gaps and bring the signal to microvolts at the model's rate.

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
    notes = []
    credible = credible_mv(signal_mv)
    valid = np.isfinite(credible)
    if not valid.any():
        raise RecordError(
            f"every sample lies beyond {_LARGEST_MV:g} mV", hint="is the signal's unit right?"
        )
    beyond = np.count_nonzero(np.isfinite(signal_mv) & ~valid)
    if beyond:
        notes.append(f"{beyond} samples beyond {_LARGEST_MV:g} mV taken as missing")
    signal_mv = credible
    gaps = np.empty((0, 2), dtype=np.int64)
    if not valid.all():
        edges = np.flatnonzero(np.diff(valid, prepend=True, append=True))
        gaps = edges.reshape(-1, 2)
        gaps = gaps[gaps[:, 1] - gaps[:, 0] > _BRIDGED_S * rate_hz]
        missing = np.count_nonzero(~valid)
        notes.append(f"{missing} samples missing ({100 * missing / len(valid):.2g} %)")
        # A straight line makes no beat; a step to 0 would look like one.
        place = np.arange(len(signal_mv))
        signal_mv = np.interp(place, place[valid], signal_mv[valid])
    swing = float(np.ptp(signal_mv))
    if swing > _LARGEST_SWING_MV:
        notes.append(f"the signal swings by {swing:.0f} mV: is its unit right?")
    elif swing == 0:
        notes.append("the signal is flat")
    if rate_hz != new_rate_hz:
        signal_mv = resample(signal_mv, rate_hz, new_rate_hz)
        notes.append(f"brought from {rate_hz:g} to {new_rate_hz:g} Hz")
    return ConditionedLead(to_microvolts(signal_mv), gaps, tuple(notes))


def credible_mv(signal_mv: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the signal with NaN for every sample that no electrode gives.

    Examples
    --------
    >>> credible_mv(np.array([0.5, 1e308, np.nan])).tolist()
    [0.5, nan, nan]
    """
    outside = ~(np.abs(signal_mv) <= _LARGEST_MV)
    return np.where(outside, np.nan, signal_mv) if outside.any() else signal_mv


def rescale_samples(samples: NDArray[np.integer], ratio: float, length: int) -> NDArray[np.int64]:
    """Bring sample numbers to another rate, ``ratio`` times as high, within ``length`` samples."""
    scaled: NDArray[np.int64] = np.rint(samples * ratio).astype(np.int64)
    return np.minimum(scaled, length - 1)


def touches(
    gaps: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which of the stretches ``starts..stops`` share a sample with a gap."""
    if not len(gaps):
        return np.zeros(len(starts), dtype=bool)
    nearest = np.searchsorted(gaps[:, 1], starts, side="right")
    touched: NDArray[np.bool_] = np.append(gaps[:, 0], np.iinfo(np.int64).max)[nearest] < stops
    return touched
