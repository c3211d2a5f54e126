"""Recordings in, an answer for each fragment out: rhythms, or several findings at once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.fragment_answers import answer_fragment
from edgecnn.ecg.fragments import IN_GAP, condition_leads, unusable, whole_fragments
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.record_files import find_records
from edgecnn.errors import EdgeCNNError, RecordError, TaskError
from edgecnn.metadata import SignalInput, how_to_run, reads
from edgecnn.preprocessing.fragments import filtered_mv, fragment_tensors
from edgecnn.runtime.predict import Prediction
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import UNKNOWN

__all__ = ["predict_records"]


def predict_records(
    model: Model,
    paths: Iterable[str | PathLike[str]],
    *,
    top: int = 5,
    rate_hz: float | None = None,
) -> Iterator[Prediction]:
    """Answer the fragments of recordings one by one.

    Parameters
    ----------
    model : Model
        That reads fragments of signals.
    paths : iterable of path
        Records of any format that is read, folders and patterns of them, at any sampling rate and
        with their leads in any order: the contract names those that are read.
    top : int
        How many labels each answer lists.
    rate_hz : float, optional
        Sampling rate of files that state none.

    Yields
    ------
    Prediction
        One for each whole fragment from the record's start, with ``start_s`` and ``end_s``; of a
        contract with thresholds also ``labels``: all that reach theirs. A record that cannot be
        answered is one with an ``error``; the others follow.

    Raises
    ------
    TaskError
        The model reads something else; raised before the first answer.

    Examples
    --------
    >>> from edgecnn.runtime.session import load_model
    >>> model = load_model("ecg-rhythm.onnx")               # doctest: +SKIP
    >>> for prediction in predict_records(model, ["mitdb/"]):  # doctest: +SKIP
    ...     print(prediction.row()["start_s"], prediction.result.label)
    """
    spec = model.metadata.input
    if not isinstance(spec, SignalInput):
        raise TaskError(
            f"{model.path} reads {reads(spec)}, not fragments of signals", hint=how_to_run(spec)
        )
    return _predict(model, spec, paths, top=top, rate_hz=rate_hz)


def _predict(
    model: Model,
    spec: SignalInput,
    paths: Iterable[str | PathLike[str]],
    *,
    top: int,
    rate_hz: float | None,
) -> Iterator[Prediction]:
    found = find_records(paths)
    for problem in found.problems:
        yield Prediction(problem.path, None, error=problem.error)
    for file in found.records:
        name = str(file.path)
        try:
            yield from _record(model, spec, name, top=top, rate_hz=rate_hz)
        except EdgeCNNError as error:
            yield Prediction(name, None, error=error)


def _record(
    model: Model, spec: SignalInput, name: str, *, top: int, rate_hz: float | None
) -> Iterator[Prediction]:
    lead = spec.leads[0] if len(spec.leads) == 1 else None
    leads = condition_leads(read_record(name, rate_hz=rate_hz, lead=lead), spec)
    samples = leads.signal_uv.shape[1]
    starts = whole_fragments(samples, spec)
    if not len(starts):
        raise RecordError(
            f"{name} lasts {samples / spec.sampling_rate_hz:.3g} s: the model reads fragments of "
            f"{spec.samples / spec.sampling_rate_hz:g} s",
            hint="a longer recording is needed; is its sampling rate right?",
        )
    blind = leads.blind(starts, spec.samples)
    # Once for the whole recording: a filter reaches beyond a fragment.
    signal_mv = filtered_mv(leads.signal_uv, spec)
    for start, is_blind in zip(starts, blind.tolist(), strict=True):
        own = leads.signal_uv[:, start : start + spec.samples]
        reason = IN_GAP if is_blind else unusable(own, spec)
        yield _answer(model, spec, name, signal_mv, start=int(start), reason=reason, top=top)


def _answer(
    model: Model,
    spec: SignalInput,
    name: str,
    signal_mv: NDArray[np.float64],
    *,
    start: int,
    reason: str,
    top: int,
) -> Prediction:
    rate = spec.sampling_rate_hz
    fields: dict[str, Any] = {
        "start_s": round(start / rate, 3),
        "end_s": round((start + spec.samples) / rate, 3),
    }
    if reason:
        return Prediction(name, Result(UNKNOWN, 0.0, state="unknown", reason=reason, fields=fields))
    began = time.perf_counter_ns()
    tensor = fragment_tensors(signal_mv, np.array([start]), spec)
    result = answer_fragment(model, tensor, top=top).result(**fields)
    return Prediction(name, result, (time.perf_counter_ns() - began) / 1e6)
