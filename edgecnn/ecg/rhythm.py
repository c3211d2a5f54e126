"""A rhythm model run along a recording: what it says of each fragment, joined to episodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.episodes import Episode, FragmentAnswer, Rhythm, join_fragments
from edgecnn.ecg.fragment_answers import answer_fragment
from edgecnn.ecg.fragment_stream import Fragment, FragmentStream
from edgecnn.ecg.lead_signal import CHUNK_SAMPLES
from edgecnn.ecg.leads import choose_lead, lead_label
from edgecnn.ecg.readers import open_record
from edgecnn.ecg.readers.stored import StoredRecord
from edgecnn.errors import RecordError, TaskError
from edgecnn.metadata import SignalInput, how_to_run, reads
from edgecnn.runtime.session import Model

__all__ = ["RecordRhythm", "RecordedRhythm", "RhythmWatch", "rhythm_input_of"]


def rhythm_input_of(model: Model) -> SignalInput:
    """Return what a rhythm model reads.

    Raises
    ------
    TaskError
        The model reads something else.
    """
    spec = model.metadata.input
    if not isinstance(spec, SignalInput):
        raise TaskError(
            f"{model.path} reads {reads(spec)}, not fragments of an ECG",
            hint=f"{how_to_run(spec)}; rhythms need a model such as the recipe ecg-rhythm trains",
        )
    return spec


@dataclass(frozen=True)
class RecordedRhythm:
    """What a rhythm model says of a record.

    Attributes
    ----------
    episodes : tuple of Episode
    rhythm : Rhythm or None
        The episodes in sum; None where the model could not be run.
    notes : tuple of str
        What a reader of the results should know.
    """

    episodes: tuple[Episode, ...]
    rhythm: Rhythm | None
    notes: tuple[str, ...]


class RhythmWatch:
    """Take a recording piece by piece, and say its rhythms at its end.

    Parameters
    ----------
    model : Model
        With a :class:`~edgecnn.metadata.SignalInput`. Fragments go through it one by one: each
        answer is then the same bits however the recording was cut.
    rate_hz : float
        Of the recording.

    Raises
    ------
    TaskError
        The model reads no fragments.
    """

    def __init__(self, model: Model, rate_hz: float) -> None:
        self._spec = rhythm_input_of(model)
        self._model, self._rate = model, rate_hz
        self._stream = FragmentStream(rate_hz, self._spec)
        self._answers: list[tuple[int, tuple[tuple[str, float], ...]]] = []

    def push(self, chunk_mv: NDArray[np.floating]) -> None:
        """Take more samples of the model's leads, shape ``(samples, leads)``, in mV."""
        self._answer(self._stream.push(chunk_mv))

    def finish(self, samples: int) -> tuple[Episode, ...]:
        """End the recording of so many samples; return its episodes (:mod:`~.episodes`)."""
        self._answer(self._stream.flush())
        ratio = self._rate / self._spec.sampling_rate_hz
        placed = []
        for start, labels in self._answers:
            first, stop = (
                min(round(at * ratio), samples) for at in (start, start + self._spec.samples)
            )
            placed.append(FragmentAnswer(first, stop, labels))
        return join_fragments(placed, self._model.metadata.labels, samples)

    def _answer(self, fragments: Iterable[Fragment]) -> None:
        for fragment in fragments:
            labels: tuple[tuple[str, float], ...] = ()
            if fragment.tensor is not None:
                labels = answer_fragment(self._model, fragment.tensor, top=1).labels
            self._answers.append((fragment.start, labels))


class RecordRhythm:
    """The rhythm of a stored recording, in the pass that its beats are found in where that can be.

    Where both models read the same single lead, the pieces are taken as they come
    (:meth:`push`); otherwise the rhythm's leads are read from the file at the end.

    Parameters
    ----------
    model : Model
        That reads fragments.
    stored : StoredRecord
        Opened with the lead that beats are found in.
    beat_lead : str
        The name that this lead was asked for by.
    lead : str, optional
        Read instead of the model's own, if that is one.
    """

    def __init__(
        self, model: Model, stored: StoredRecord, *, beat_lead: str, lead: str | None
    ) -> None:
        spec = rhythm_input_of(model)
        self._model, self._stored = model, stored
        self._leads = spec.leads if lead is None or len(spec.leads) > 1 else (lead,)
        self._watch: RhythmWatch | None = None
        if self._leads == (beat_lead,):
            self._watch = RhythmWatch(model, stored.sampling_rate_hz)

    def push(self, chunk_mv: NDArray[np.floating]) -> None:
        """Take more samples of the lead that beats are found in, in mV."""
        if self._watch is not None:
            self._watch.push(chunk_mv[:, None])

    def finish(self, *, rate_hz: float | None) -> RecordedRhythm:
        """End the recording.

        Parameters
        ----------
        rate_hz : float, optional
            Sampling rate of a file that states none, should it be opened again.

        Raises
        ------
        OSError
            The file cannot be read again.
        """
        labels = self._model.metadata.labels
        notes = list[str]()
        try:
            if self._watch is not None:
                episodes = self._watch.finish(self._stored.samples)
            else:
                episodes, notes = self._read(rate_hz)
        except RecordError as error:
            return RecordedRhythm((), None, (f"no rhythm: {error.message}",))
        spec, rate = rhythm_input_of(self._model), self._stored.sampling_rate_hz
        fragment_s = spec.samples / spec.sampling_rate_hz
        if self._stored.duration_s < fragment_s:
            notes.append(f"no rhythm: shorter than a fragment of {fragment_s:g} s")
        if self._leads != spec.leads:
            notes.append(f"the rhythm model was trained on lead {spec.leads[0]}")
        return RecordedRhythm(episodes, Rhythm.of(episodes, labels, rate), tuple(notes))

    def _read(self, rate_hz: float | None) -> tuple[tuple[Episode, ...], list[str]]:
        one = self._leads[0] if len(self._leads) == 1 else None
        stored = open_record(self._stored.path, rate_hz=rate_hz, lead=one)
        source = str(stored.path)
        columns = [choose_lead(stored.leads, lead, source=source) for lead in self._leads]
        watch = RhythmWatch(self._model, stored.sampling_rate_hz)
        for first in range(0, stored.samples, CHUNK_SAMPLES):
            stop = min(first + CHUNK_SAMPLES, stored.samples)
            watch.push(stored.fetch(first, stop)[:, columns])
        episodes = watch.finish(stored.samples)
        ratio = self._stored.sampling_rate_hz / stored.sampling_rate_hz
        if ratio != 1:
            # A file may hold leads of several rates; results count at the beats' one.
            episodes = tuple(
                replace(one, start=round(one.start * ratio), stop=round(one.stop * ratio))
                for one in episodes
            )
        named = zip((stored.leads[column] for column in columns), self._leads, strict=True)
        return episodes, [
            f"rhythm: {lead_label(name)} taken as lead {lead}"
            for name, lead in named
            if name != lead
        ]
