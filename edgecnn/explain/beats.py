"""What a beat model's answers in a recording rest on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.beats import beat_input_of
from edgecnn.ecg.conditioning import condition_lead
from edgecnn.ecg.gaps import touches
from edgecnn.ecg.peaks import find_r_peaks
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError
from edgecnn.explain.evidence import erased_stretches, margins
from edgecnn.metadata import BeatInput
from edgecnn.preprocessing.beats import beat_inputs
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import scores

__all__ = ["ERASED_S", "RHYTHM", "BeatEvidence", "explain_beats"]

#: Length of the stretch that is erased: that of a narrow QRS complex.
ERASED_S = 0.08

#: What the five RR ratios compare, as `rhythm_ratios` orders them.
RHYTHM = (
    "RR before : long mean",
    "RR after : long mean",
    "RR before : short mean",
    "RR after : RR before",
    "short mean : long mean",
)

_BATCH = 256


@dataclass(frozen=True, eq=False)
class BeatEvidence:
    """One heartbeat, its class, and what speaks for it.

    Attributes
    ----------
    label, score : str, float
    at_s : float
        Its R peak, in seconds from the record's start.
    inputs : dict
        The network's inputs, a batch of one.
    beat, template : ndarray of float32, shape (samples,)
        As the network sees them: divided by the template's root mean square.
    evidence : ndarray of float64, shape (samples,)
        What the class's logit loses when that part of the beat is erased.
    ratios, ratio_evidence : ndarray, shape (5,)
        RR ratios, and what the logit loses when one of them is set to 1.
    """

    label: str
    score: float
    at_s: float
    inputs: dict[str, NDArray[np.float32]]
    beat: NDArray[np.float32]
    template: NDArray[np.float32]
    evidence: NDArray[np.float64]
    ratios: NDArray[np.float64]
    ratio_evidence: NDArray[np.float64]


def explain_beats(
    record: Record, model: Model, *, at_s: float | None = None, lead: str | None = None
) -> list[BeatEvidence]:
    """Find a recording's beats and explain some of them.

    Parameters
    ----------
    record : Record
    model : Model
        With a :class:`~edgecnn.metadata.BeatInput`.
    at_s : float, optional
        Explain the beat nearest to this time; the default is the surest beat of each class.
    lead : str, optional
        Read this lead instead of the model's own.

    Returns
    -------
    list of BeatEvidence
        The rarest class first.

    Raises
    ------
    TaskError
        The model reads no heartbeats.
    RecordError
        No such lead, or no beat whose window is without gaps.
    """
    spec = beat_input_of(model)
    wanted = lead if lead is not None else spec.leads[0]
    signal_mv = record.select(wanted).lead_mv(wanted)
    conditioned = condition_lead(signal_mv, record.sampling_rate_hz, spec.sampling_rate_hz)
    at = find_r_peaks(conditioned.signal_uv, spec.sampling_rate_hz)
    blind = touches(conditioned.gaps, at - spec.before, at + spec.after)
    if not len(at) or blind.all():
        raise RecordError(f"no heartbeats found in {record.path}", hint="is it an ECG?")
    inputs = beat_inputs(conditioned.signal_uv, at, spec)
    logits = np.concatenate(
        [
            model.run({name: x[start : start + _BATCH] for name, x in inputs.items()})
            for start in range(0, len(at), _BATCH)
        ]
    )
    sure = scores(logits, model.metadata.output)
    sure[blind] = -1
    if at_s is None:
        chosen = _surest(sure)
    else:
        distance = np.abs(at / spec.sampling_rate_hz - at_s)
        distance[blind] = np.inf
        chosen = [int(distance.argmin())]
    return [
        _explained(
            model, spec, {name: x[i : i + 1] for name, x in inputs.items()}, sure[i], int(at[i])
        )
        for i in chosen
    ]


def _surest(sure: NDArray[np.float32]) -> list[int]:
    """Return the surest beat of every class that is found, the rarest class first."""
    seen = np.flatnonzero(sure[:, 0] >= 0)
    found = Counter(sure[seen].argmax(axis=1).tolist())
    rarest_first = sorted(found, key=lambda label: (found[label], label))
    return [int(sure[:, label].argmax()) for label in rarest_first]


def _explained(
    model: Model,
    spec: BeatInput,
    inputs: dict[str, NDArray[np.float32]],
    sure: NDArray[np.float32],
    at: int,
) -> BeatEvidence:
    best = int(sure.argmax())
    output = model.metadata.output
    width = max(3, round(ERASED_S * spec.sampling_rate_hz))
    lost = erased_stretches(model.run, inputs, spec.name, output, width, channel=0)
    ratios = inputs[spec.rhythm.name][0]
    # A ratio of 1, its logarithm 0, is what a steady rhythm has.
    steady = np.repeat(ratios[None], len(ratios), axis=0) * (
        1 - np.eye(len(ratios), dtype=np.float32)
    )
    beats = np.repeat(inputs[spec.name], len(ratios), axis=0)
    whole = margins(model.run(inputs), output)
    without = margins(model.run({spec.name: beats, spec.rhythm.name: steady}), output)
    beat, template = inputs[spec.name][0]
    return BeatEvidence(
        label=model.metadata.labels[best],
        score=float(sure[best]),
        at_s=at / spec.sampling_rate_hz,
        inputs=inputs,
        beat=beat,
        template=template,
        evidence=lost[best],
        ratios=np.exp(ratios.astype(np.float64)),
        ratio_evidence=(whole - without)[:, best],
    )
