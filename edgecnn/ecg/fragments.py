"""A record's leads, conditioned and cut into the fragments that a rhythm model reads.

Datasets and ``edgecnn predict`` both go through here, so a fragment of a training set is the
fragment that a device sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.conditioning import condition_lead
from edgecnn.ecg.doubtful import Doubtful
from edgecnn.ecg.gaps import touches
from edgecnn.ecg.leads import choose_lead
from edgecnn.ecg.record import Record
from edgecnn.ecg.signal_quality import SignalQuality
from edgecnn.errors import RecordError
from edgecnn.metadata import SignalInput
from edgecnn.preprocessing.boxcar import MICROVOLTS_PER_MV

__all__ = [
    "CAUSES",
    "IN_GAP",
    "IS_FLAT",
    "IS_NOISE",
    "ConditionedLeads",
    "condition_leads",
    "unusable",
    "whole_fragments",
]

#: Why a fragment has no answer.
IN_GAP = "the signal has a gap"
IS_FLAT = "the signal is flat"
IS_NOISE = "the signal is noise"
#: The same in a word.
CAUSES = {IN_GAP: "no-signal", IS_FLAT: "flat", IS_NOISE: "noise"}
#: What moves by less in ten seconds is no heart: the noise of an amplifier is more.
_FLAT_UV = 5
#: A rhythm cannot be told where more than this much of a fragment is noise.
_NOISE_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class ConditionedLeads:
    """The leads that a model reads, in its order and at its rate.

    Attributes
    ----------
    signal_uv : ndarray of int64, shape (leads, samples)
    gaps : tuple of ndarray of int64, shape (gaps, 2)
        Of each lead: first sample of each gap that was too long to be bridged, and its end.
    names : tuple of str
        What the record calls the leads.
    notes : tuple of str
        What a reader of the results should know.
    """

    signal_uv: NDArray[np.int64]
    gaps: tuple[NDArray[np.int64], ...]
    names: tuple[str, ...]
    notes: tuple[str, ...]

    def blind(self, starts: NDArray[np.int64], samples: int) -> NDArray[np.bool_]:
        """Say which fragments touch a gap in any lead."""
        blind = np.zeros(len(starts), dtype=bool)
        for gaps in self.gaps:
            blind |= touches(gaps, starts, starts + samples)
        return blind


def condition_leads(record: Record, spec: SignalInput) -> ConditionedLeads:
    """Pick a model's leads out of a record and bring them to its rate.

    Parameters
    ----------
    record : Record
        At any sampling rate, its leads in any order, under their names or aliases.
    spec : SignalInput
        From the file's metadata.

    Raises
    ------
    RecordError
        A lead is not there, or is flat nothing from beginning to end.
    """
    parts, notes = [], list(record.notes)
    names = []
    for lead in spec.leads:
        column = choose_lead(record.leads, lead, source=str(record.path))
        names.append(record.leads[column])
        try:
            part = condition_lead(
                record.lead_mv(lead), record.sampling_rate_hz, spec.sampling_rate_hz
            )
        except RecordError as error:
            raise RecordError(
                error.message
                if str(record.path) in error.message
                else f"{record.path}, lead {lead}: {error.message}",
                hint=error.hint,
            ) from error
        parts.append(part)
        notes += [note for note in part.notes if note not in notes]
    return ConditionedLeads(
        signal_uv=np.stack([part.signal_uv for part in parts]),
        gaps=tuple(part.gaps for part in parts),
        names=tuple(names),
        notes=tuple(notes),
    )


def whole_fragments(samples: int, spec: SignalInput) -> NDArray[np.int64]:
    """Return the first sample of each whole fragment, side by side from the signal's start."""
    return np.arange(0, samples - spec.samples + 1, spec.samples, dtype=np.int64)


def unusable(signal_uv: NDArray[np.int64], spec: SignalInput) -> str:
    """Say why nothing can be told of a fragment; ``""`` if something can.

    Parameters
    ----------
    signal_uv : ndarray of int64, shape (leads, samples)
        A single lead that does not move at all is enough; noise must be in all of them.
    spec : SignalInput
    """
    if (signal_uv.max(axis=1) - signal_uv.min(axis=1) < _FLAT_UV).any():
        return IS_FLAT
    for lead_uv in signal_uv:
        quality = SignalQuality(spec.sampling_rate_hz)
        lead_mv = lead_uv / MICROVOLTS_PER_MV
        states = np.concatenate([quality.push(lead_mv), quality.flush()])
        noise = Doubtful.of(states, quality.block).hiding
        if (noise[:, 1] - noise[:, 0]).sum() <= _NOISE_SHARE * len(lead_uv):
            return ""
    return IS_NOISE
