"""What in a fragment of signal a classifier's answer rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from edgecnn.ecg.fragments import condition_leads, whole_fragments
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError, TaskError
from edgecnn.explain.evidence import erased_stretches
from edgecnn.metadata import SignalInput
from edgecnn.preprocessing.fragments import filtered_mv, fragment_tensors
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import Classification, decode

__all__ = ["ERASED_S", "FragmentEvidence", "explain_fragment"]

#: Length of the stretch that is erased: that of a wide QRS complex.
ERASED_S = 0.16

_SHOWN = 3


@dataclass(frozen=True, eq=False)
class FragmentEvidence:
    """One fragment, its answer, and where the evidence for the best classes lies.

    Attributes
    ----------
    answer : Classification
    start_s : float
        From the record's start.
    leads : tuple of str
        What the record calls them.
    signal_mv : ndarray of float64, shape (leads, samples)
        Filtered, not normalised.
    shown : tuple of (str, float)
        The best classes with their scores. Of two classes only the best: what speaks for one
        speaks as much against the other.
    evidence : ndarray of float64, shape (len(shown), leads, samples)
        What the class's logit, against the mean of all, loses when that part of a lead is erased.
    inputs : mapping of str to ndarray
        The network's input, a batch of one.
    """

    answer: Classification
    start_s: float
    leads: tuple[str, ...]
    signal_mv: NDArray[np.float64]
    shown: tuple[tuple[str, float], ...]
    evidence: NDArray[np.float64]
    inputs: Tensors


def explain_fragment(
    record: Record, model: Model, *, at_s: float | None = None, lead: str | None = None
) -> FragmentEvidence:
    """Classify a fragment of a recording, and again with each of its parts erased.

    Parameters
    ----------
    record : Record
    model : Model
        A classifier with a :class:`~edgecnn.metadata.SignalInput`.
    at_s : float, optional
        Explain the fragment that has this time in its middle, or the nearest one that lies wholly
        in the record; the default is the first fragment without a gap.
    lead : str, optional
        Read this lead instead of the model's own, which must be one.

    Raises
    ------
    TaskError
        The model reads something else, or does not classify.
    RecordError
        A lead is missing, the record is shorter than a fragment, or there is a gap in it.
    """
    metadata = model.metadata
    spec = metadata.input
    if not isinstance(spec, SignalInput) or metadata.task != "classify":
        raise TaskError(f"{model.path} classifies no fragments of a signal")
    read = spec if lead is None else structs.replace(spec, leads=(lead,))
    leads = condition_leads(record, read)
    length, rate = leads.signal_uv.shape[1], spec.sampling_rate_hz
    if length < spec.samples:
        raise RecordError(
            f"{record.path} lasts {length / rate:.3g} s: the model reads fragments of "
            f"{spec.samples / rate:g} s"
        )
    if at_s is None:
        starts = whole_fragments(length, spec)
    else:
        middle = round(at_s * rate) - spec.samples // 2
        starts = np.array([min(max(0, middle), length - spec.samples)], dtype=np.int64)
    whole = starts[~leads.blind(starts, spec.samples)]
    if not len(whole):
        where = "every fragment" if at_s is None else f"the fragment around {at_s:g} s"
        raise RecordError(f"{record.path}: {where} has a gap in its signal")
    start = int(whole[0])
    signal_mv = filtered_mv(leads.signal_uv, spec)
    inputs: Tensors = {spec.name: fragment_tensors(signal_mv, whole[:1], spec)}

    def run(tensors: Tensors) -> NDArray[np.float32]:
        # One by one: a file's batch may be fixed.
        return np.concatenate([model.run({spec.name: row[None]}) for row in tensors[spec.name]])

    answer = decode(run(inputs), metadata, top=len(metadata.labels))[0]
    shown = answer.top[: 1 if len(metadata.labels) <= 2 else _SHOWN]
    classes = [metadata.labels.index(label) for label, _ in shown]
    width = max(2, round(ERASED_S * rate))
    losses = [
        erased_stretches(run, inputs, spec.name, metadata.output, width, channel=channel)[classes]
        for channel in range(len(spec.leads))
    ]
    return FragmentEvidence(
        answer=answer,
        start_s=start / rate,
        leads=leads.names,
        signal_mv=signal_mv[:, start : start + spec.samples],
        shown=tuple(shown),
        evidence=np.stack(losses, axis=1),
        inputs=inputs,
    )
