"""What a beat model's answers in a recording rest on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.beat_model import beat_input_of
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

__all__ = ["ERASED_S", "SHOWN_RATIOS", "BeatEvidence", "explain_beats"]

#: Length of the stretch that is erased: that of a narrow QRS complex.
ERASED_S = 0.08

#: Of the RR ratios, those with the most evidence are shown.
SHOWN_RATIOS = 5

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
    names : tuple of str
        What the numbers beside the beat say: those of RR ratios, and of likeness if there are any.
    ratios, ratio_evidence : ndarray, shape (len(names),)
        These numbers (ratios as such, not as logarithms), and what the logit loses when one of them
        is what it is in a steady rhythm (a ratio of 1), or in most beats of the record.
    """

    label: str
    score: float
    at_s: float
    inputs: dict[str, NDArray[np.float32]]
    beat: NDArray[np.float32]
    template: NDArray[np.float32]
    evidence: NDArray[np.float64]
    names: tuple[str, ...]
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
    ordinary = _ordinary(spec, inputs)
    return [
        _explained(
            model,
            spec,
            {name: x[i : i + 1] for name, x in inputs.items()},
            sure[i],
            at=int(at[i]),
            ordinary=ordinary,
        )
        for i in chosen
    ]


def _ordinary(
    spec: BeatInput, inputs: dict[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Return what the numbers beside a beat are when there is nothing to be said about it."""
    # A ratio of 1, its logarithm 0, is what a steady rhythm has; of seconds and shares, the median.
    is_ratio = np.array([" : " in name and " : 1 s" not in name for name in spec.rhythm.features])
    rhythm = np.where(is_ratio, np.float32(0), np.median(inputs[spec.rhythm.name], axis=0))
    ordinary = {spec.rhythm.name: rhythm}
    if spec.likeness is not None:
        ordinary[spec.likeness.name] = np.median(inputs[spec.likeness.name], axis=0)
    return ordinary


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
    *,
    at: int,
    ordinary: dict[str, NDArray[np.float32]],
) -> BeatEvidence:
    best = int(sure.argmax())
    output = model.metadata.output
    width = max(3, round(ERASED_S * spec.sampling_rate_hz))
    lost = erased_stretches(model.run, inputs, spec.name, output, width, channel=0)
    whole = margins(model.run(inputs), output)[0, best]
    names: list[str] = []
    ratios, evidence = [], []
    for name, usual in ordinary.items():
        own = inputs[name][0]
        one_each = np.where(np.eye(len(own), dtype=bool), usual, own)
        changed = {each: np.repeat(x, len(own), axis=0) for each, x in inputs.items()}
        evidence.append(whole - margins(model.run(changed | {name: one_each}), output)[:, best])
        is_rhythm = name == spec.rhythm.name
        said = (
            spec.rhythm.features if is_rhythm or spec.likeness is None else (spec.likeness.features)
        )
        names += said
        logs = np.array([" : " in each for each in said])
        ratios.append(np.where(logs, np.exp(own.astype(np.float64)), own))
    beat, template = inputs[spec.name][0]
    return BeatEvidence(
        label=model.metadata.labels[best],
        score=float(sure[best]),
        at_s=at / spec.sampling_rate_hz,
        inputs=inputs,
        beat=beat,
        template=template,
        evidence=lost[best],
        names=tuple(names),
        ratios=np.concatenate(ratios),
        ratio_evidence=np.concatenate(evidence),
    )
