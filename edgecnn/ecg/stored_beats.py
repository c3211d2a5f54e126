"""A recording in its file and a model: the class of every heartbeat, in one pass over the samples.

Samples are read, conditioned, searched for R peaks and classified piece by piece, so that the
memory does not grow with the recording; how long the pieces are makes no difference to the result,
to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.beat_model import beat_input_of
from edgecnn.ecg.conditioning import LeadConditioner, place_beats, rescale_samples, signal_notes
from edgecnn.ecg.gaps import LARGEST_MV, GapFiller, credible_mv
from edgecnn.ecg.lead_signal import LeadSignal
from edgecnn.ecg.leads import is_unnamed
from edgecnn.ecg.readers.stored import StoredRecord
from edgecnn.ecg.scored_record import ScoredRecord
from edgecnn.ecg.stream import Beats, BeatStream
from edgecnn.ecg.stretches import Runs
from edgecnn.errors import RecordError
from edgecnn.runtime.session import Model

__all__ = ["classify_stored"]

#: Beats that go through the network at once. Always so many, so that a beat's scores are the same
#: bits however the signal was cut; larger batches leave the processor's cache.
_BATCH = 256
#: Shorter signals hold no two beats at rest.
_SHORTEST_S = 2.0
_DEAD = "is the electrode connected, and the file the right one?"

_Watch = Callable[[NDArray[np.floating]], None]


def classify_stored(
    stored: StoredRecord,
    model: Model,
    *,
    wanted: str,
    peaks: NDArray[np.integer] | None = None,
    signal: LeadSignal | None = None,
    watch: _Watch | None = None,
) -> ScoredRecord:
    """Find the beats of a recording and classify them.

    Parameters
    ----------
    stored : StoredRecord
        With a single lead.
    model : Model
        With a :class:`~edgecnn.metadata.BeatInput`.
    wanted : str
        The name that the lead was asked for by.
    peaks : ndarray of int, shape (beats,), optional
        Samples of the R peaks at the record's rate; the default is to find them.
    signal : LeadSignal, optional
        Of that lead, for a caller that looks at it again.
    watch : callable, optional
        Called with each piece of the signal in millivolts, in order, NaN where there is none.

    Raises
    ------
    TaskError
        The model reads no heartbeats.
    RecordError
        No valid sample, or too short.

    See Also
    --------
    edgecnn.ecg.beats.classify_record : the same for a record in memory.
    """
    spec = beat_input_of(model)
    if stored.duration_s < _SHORTEST_S:
        raise RecordError(
            f"{stored.path} lasts {stored.duration_s:.3g} s, too short for heartbeats",
            hint=f"at least {_SHORTEST_S:g} s are needed; is its sampling rate right?",
        )
    signal = LeadSignal(stored) if signal is None else signal
    rate, name = stored.sampling_rate_hz, stored.leads[0]
    conditioner = LeadConditioner(rate, spec.sampling_rate_hz)
    ratio = spec.sampling_rate_hz / rate
    length = stored.samples
    given, said = None, list[str]()
    if peaks is not None:
        given, said = _given(peaks, ratio, length, conditioner.samples_out(length))
    stream = BeatStream(
        model.metadata, model.run, peaks=None if given is None else given[1], batch=_BATCH
    )
    seen = _Seen(rate)
    answers = _Answers()
    for chunk_mv in signal.chunks():
        credible = seen.push(chunk_mv)
        if watch is not None:
            watch(credible)
        answers.add(stream.push(*conditioner.push(credible)))
    seen.check(stored.path, wanted)
    answers.add(stream.push(*conditioner.flush()))
    answers.add(stream.flush())
    at, classes, best = answers.finish()

    notes = [*stored.notes, *stored.remarks(), *_lead_notes(name, wanted, spec.leads[0])]
    notes += seen.notes(length)
    if ratio != 1:
        notes.append(f"brought from {rate:g} to {spec.sampling_rate_hz:g} Hz")
    notes += said
    if given is not None:
        samples = given[0][np.searchsorted(given[1], at)]
    else:
        samples = at if ratio == 1 else rescale_samples(at, 1 / ratio, length)
    notes += _beat_notes(classes, best)
    return ScoredRecord(
        name=stored.name,
        path=stored.path,
        sampling_rate_hz=rate,
        duration_s=stored.duration_s,
        lead=name,
        labels=model.metadata.labels,
        samples=samples,
        class_indices=classes,
        scores=best,
        gaps=seen.gaps.finish(),
        notes=tuple(notes),
    )


class _Seen:
    """What the samples of a lead were like, all in all."""

    def __init__(self, rate_hz: float) -> None:
        self.gaps = Runs(GapFiller(rate_hz).longest)
        self._numbers = 0
        self._credible = 0
        self._low, self._high = np.inf, -np.inf

    def push(self, chunk_mv: NDArray[np.floating]) -> NDArray[np.floating]:
        """Take more samples; return them with NaN for those that no electrode gives."""
        credible, low, high = chunk_mv, float(chunk_mv.min()), float(chunk_mv.max())
        if low >= -LARGEST_MV and high <= LARGEST_MV:
            self._numbers += chunk_mv.size
            self._credible += chunk_mv.size
            self.gaps.pass_over(chunk_mv.size)
        else:
            # NaN, or what no electrode gives: sample by sample.
            credible = credible_mv(chunk_mv)
            valid = np.isfinite(credible)
            self._numbers += int(np.count_nonzero(np.isfinite(chunk_mv)))
            self._credible += int(np.count_nonzero(valid))
            self.gaps.push(~valid)
            low, high = float(np.fmin.reduce(credible)), float(np.fmax.reduce(credible))
        self._low = min(self._low, low)
        self._high = max(self._high, high)
        return credible

    def check(self, path: Path, lead: str) -> None:
        """Refuse a lead without a sample."""
        if not self._numbers:
            raise RecordError(f"{path}: lead {lead} has no valid sample", hint=_DEAD)
        if not self._credible:
            raise RecordError(
                f"{path}: every sample lies beyond {LARGEST_MV:g} mV",
                hint="is the signal's unit right?",
            )

    def notes(self, length: int) -> Iterator[str]:
        """Say what a reader of the results should know."""
        return signal_notes(
            length=length,
            numbers=self._numbers,
            credible=self._credible,
            swing_mv=self._high - self._low,
        )


class _Answers:
    """Classes and best scores of the beats that come out of a stream."""

    def __init__(self) -> None:
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]]] = []

    def add(self, beats: Beats) -> None:
        if len(beats):
            best = beats.scores.max(axis=1)
            self._parts.append((beats.samples, beats.classes.astype(np.int8), best))

    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]]:
        samples, classes, best = zip(*self._parts, strict=True) if self._parts else ((), (), ())
        return (
            np.concatenate([np.empty(0, dtype=np.int64), *samples]),
            np.concatenate([np.empty(0, dtype=np.int8), *classes]),
            np.concatenate([np.empty(0, dtype=np.float32), *best]),
        )


def _given(
    peaks: NDArray[np.integer], ratio: float, length: int, new_length: int
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], list[str]]:
    """Bring given peaks to the model's rate: samples at both rates, and notes."""
    samples = np.unique(np.asarray(peaks, dtype=np.int64))
    inside = samples[(samples >= 0) & (samples < length)]
    notes = []
    if len(inside) < len(samples):
        notes.append(f"{len(samples) - len(inside)} annotated beats lie outside the signal")
    at, first, _ = place_beats(inside, ratio, new_length)
    return (inside[first], at), notes


def _lead_notes(name: str, wanted: str, trained: str) -> Iterator[str]:
    if is_unnamed(name):
        yield f"unnamed lead taken as {wanted}"
    elif name != wanted:
        yield f"{name} taken as lead {wanted}"
    if wanted != trained:
        yield f"the model was trained on lead {trained}"


def _beat_notes(classes: NDArray[np.int8], best: NDArray[np.float32]) -> Iterator[str]:
    """Say how many beats there are no answers for, and why."""
    if not len(classes):
        yield "no beats found"
    blind = np.isnan(best)
    if blind.any():
        yield f"{blind.sum()} beats beside gaps not classified"
    unsure = (classes < 0) & ~blind
    if unsure.any():
        yield f"{unsure.sum()} beats not classified: no class is likely enough"
