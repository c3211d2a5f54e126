"""A record and a model: the class of every heartbeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import CLASS_OF_SYMBOL
from edgecnn.ecg.conditioning import condition_lead, place_beats, rescale_samples
from edgecnn.ecg.gaps import touches
from edgecnn.ecg.leads import is_unnamed
from edgecnn.ecg.peaks import find_r_peaks
from edgecnn.ecg.record import Record
from edgecnn.errors import DataError, RecordError, TaskError
from edgecnn.metadata import BeatInput, how_to_run, reads
from edgecnn.preprocessing.beats import beat_tensors, cut_windows
from edgecnn.preprocessing.boxcar import filter_boxcar
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import scores as to_scores

__all__ = [
    "UNCLASSIFIED",
    "ScoredRecord",
    "beat_input_of",
    "beat_peaks",
    "classify_record",
    "match_beats",
]

#: Class and annotation symbol of a beat that was found but got no class: AAMI's "unclassifiable".
UNCLASSIFIED = "Q"

#: Beats that go through the network at once: larger batches leave the processor's cache.
_BATCH = 256
#: Shorter signals hold no two beats at rest.
_SHORTEST_S = 2.0


@dataclass(frozen=True, eq=False)
class ScoredRecord:
    """The beats of one record with their classes.

    Attributes
    ----------
    name : str
        The record's own name.
    path : Path
    sampling_rate_hz : float
        Of the record; ``samples`` count at it.
    duration_s : float
    lead : str
        The lead that was read, as the record names it; ``""`` if it has no name.
    labels : tuple of str
        Classes that the model knows.
    samples : ndarray of int64, shape (beats,)
        R peaks, rising.
    class_indices : ndarray of int8, shape (beats,)
        Places in ``labels``; -1 for a beat that was found but not classified.
    scores : ndarray of float32, shape (beats,)
        The winning class's score, 0..1; NaN where the signal allowed no answer.
    gaps : ndarray of int64, shape (gaps, 2)
        First sample of each gap that was too long to be bridged, and the first one after it.
    notes : tuple of str
        What a reader of the results should know.
    """

    name: str
    path: Path
    sampling_rate_hz: float
    duration_s: float
    lead: str
    labels: tuple[str, ...]
    samples: NDArray[np.int64]
    class_indices: NDArray[np.int8]
    scores: NDArray[np.float32]
    gaps: NDArray[np.int64]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of beats."""
        return len(self.samples)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class of each beat; ``"Q"`` for one that was not classified."""
        names = (*self.labels, UNCLASSIFIED)
        return tuple(names[index] for index in self.class_indices.tolist())

    @property
    def counts(self) -> dict[str, int]:
        """Number of beats by class: the model's labels, then ``"Q"``."""
        counts = dict.fromkeys((*self.labels, UNCLASSIFIED), 0)
        for name in self.classes:
            counts[name] += 1
        return counts


def beat_input_of(model: Model) -> BeatInput:
    """Return what a beat model reads.

    Raises
    ------
    TaskError
        The model reads something else.
    """
    spec = model.metadata.input
    if not isinstance(spec, BeatInput):
        raise TaskError(
            f"{model.path} reads {reads(spec)}, not heartbeats",
            hint=f"{how_to_run(spec)}; heartbeats need a beat model: bundled:ecg-beats",
        )
    return spec


def classify_record(
    record: Record,
    model: Model,
    *,
    peaks: NDArray[np.integer] | None = None,
    lead: str | None = None,
) -> ScoredRecord:
    """Find the beats of a record and classify them.

    A pure function: the same record and model give the same answer, whatever else runs.

    Parameters
    ----------
    record : Record
        With the model's lead, under its name or an alias; a single lead without a name is taken
        for it, and a note says so. Another sampling rate than the model's is brought to it.
    model : Model
        With a :class:`~edgecnn.metadata.BeatInput`.
    peaks : ndarray of int, shape (beats,), optional
        Samples of the R peaks at the record's rate; the default is to find them.
    lead : str, optional
        Read this lead instead of the model's own.

    Returns
    -------
    ScoredRecord
        Beats whose window touches a gap of more than 20 ms (NaN) are found but not classified; in
        such a gap there are none. All is as a live stream has it
        (:class:`~edgecnn.ecg.stream.BeatStream`).

    Raises
    ------
    TaskError
        The model reads no heartbeats.
    RecordError
        No such lead, no valid sample, or too short.

    Examples
    --------
    >>> from edgecnn.ecg.readers import read_record
    >>> from edgecnn.runtime.session import load_model
    >>> scored = classify_record(read_record("mitdb/100"),         # doctest: +SKIP
    ...                          load_model("bundled:ecg-beats"))
    >>> scored.counts                                              # doctest: +SKIP
    {'N': 2239, 'S': 33, 'V': 1, 'F': 0, 'Q': 0}
    """
    spec = beat_input_of(model)
    wanted = lead if lead is not None else spec.leads[0]
    chosen = record.select(wanted)
    name = chosen.leads[0]
    signal_mv = chosen.lead_mv(wanted)
    if record.duration_s < _SHORTEST_S:
        raise RecordError(
            f"{record.path} lasts {record.duration_s:.3g} s, too short for heartbeats",
            hint=f"at least {_SHORTEST_S:g} s are needed; is its sampling rate right?",
        )
    notes = [*record.notes, *_lead_notes(name, wanted, spec.leads[0])]
    rate = record.sampling_rate_hz
    try:
        conditioned = condition_lead(signal_mv, rate, spec.sampling_rate_hz)
    except RecordError as error:
        raise RecordError(f"{record.path}: {error.message}", hint=error.hint) from error
    signal_uv, gaps = conditioned.signal_uv, conditioned.gaps
    notes += conditioned.notes

    ratio = spec.sampling_rate_hz / rate
    if peaks is None:
        at = find_r_peaks(signal_uv, spec.sampling_rate_hz)
        samples = at if ratio == 1 else rescale_samples(at, 1 / ratio, len(signal_mv))
    else:
        samples, at, said = _given(peaks, ratio, len(signal_mv), len(signal_uv))
        notes += said
    alive = ~touches(gaps, at, at + 1)
    samples, at = samples[alive], at[alive]
    if not len(at):
        notes.append("no beats found")

    classes, best = _classify(signal_uv, at, spec, model)
    blind = touches(gaps, at - spec.before, at + spec.after)
    classes[blind], best[blind] = -1, np.nan
    if blind.any():
        notes.append(f"{blind.sum()} beats beside gaps not classified")
    unsure = (best < model.metadata.output.min_score) & ~blind
    if unsure.any():
        classes[unsure] = -1
        notes.append(f"{unsure.sum()} beats not classified: no class is likely enough")
    return ScoredRecord(
        name=record.name,
        path=record.path,
        sampling_rate_hz=rate,
        duration_s=record.duration_s,
        lead=name,
        labels=model.metadata.labels,
        samples=samples,
        class_indices=classes,
        scores=best,
        gaps=conditioned.record_gaps,
        notes=tuple(notes),
    )


def match_beats(
    reference_samples: NDArray[np.integer],
    test_samples: NDArray[np.integer],
    *,
    rate_hz: float,
    tolerance_s: float = 0.15,
) -> list[tuple[int, int]]:
    """Pair the beats of two annotators, one to one, nearest first.

    150 ms is the window of ANSI/AAMI EC57.

    Parameters
    ----------
    reference_samples, test_samples : ndarray of int, shapes (m,) and (n,)
        Rising.
    rate_hz : float
        Sampling rate that both count at.
    tolerance_s : float
        Beats further apart are not the same.

    Returns
    -------
    list of (int, int)
        Places in the two arrays, rising.

    Examples
    --------
    >>> match_beats(np.array([100, 200, 300]), np.array([90, 110, 305]), rate_hz=100)
    [(0, 0), (2, 2)]
    """
    reference, test = (np.asarray(s, dtype=np.int64) for s in (reference_samples, test_samples))
    reach = int(tolerance_s * rate_hz + 1e-9)
    first = np.searchsorted(test, reference - reach, side="left")
    last = np.searchsorted(test, reference + reach, side="right")
    count = last - first
    left = np.repeat(np.arange(len(reference)), count)
    # Place of each candidate among its beat's own, plus where those begin.
    right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
    right += np.repeat(first, count)
    distance = np.abs(reference[left] - test[right])
    pairs: list[tuple[int, int]] = []
    taken_left, taken_right = np.zeros(len(reference), bool), np.zeros(len(test), bool)
    for place in np.argsort(distance, kind="stable").tolist():
        i, j = int(left[place]), int(right[place])
        if not (taken_left[i] or taken_right[j]):
            taken_left[i] = taken_right[j] = True
            pairs.append((i, j))
    return sorted(pairs)


def beat_peaks(samples: NDArray[np.int64], symbols: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the annotated beats, without rhythm changes, noise and waves."""
    is_beat = np.array([symbol in CLASS_OF_SYMBOL for symbol in symbols], dtype=bool)
    beats: NDArray[np.int64] = samples[is_beat]
    return beats


def _lead_notes(name: str, wanted: str, trained: str) -> Iterator[str]:
    if is_unnamed(name):
        yield f"unnamed lead taken as {wanted}"
    elif name != wanted:
        yield f"{name} taken as lead {wanted}"
    if wanted != trained:
        yield f"the model was trained on lead {trained}"


def _given(
    peaks: NDArray[np.integer], ratio: float, length: int, new_length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """Bring given peaks to the model's rate: samples at both rates, and notes."""
    samples = np.unique(np.asarray(peaks, dtype=np.int64))
    inside = samples[(samples >= 0) & (samples < length)]
    notes = []
    if len(inside) < len(samples):
        notes.append(f"{len(samples) - len(inside)} annotated beats lie outside the signal")
    at, first, _ = place_beats(inside, ratio, new_length)
    return inside[first], at, notes


def _classify(
    signal_uv: NDArray[np.int64], at: NDArray[np.int64], spec: BeatInput, model: Model
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    classes = np.empty(len(at), dtype=np.int8)
    best = np.empty(len(at), dtype=np.float32)
    for start, tensors in _batches(signal_uv, at, spec):
        scores = to_scores(model.run(tensors), model.metadata.output)
        rows = slice(start, start + len(scores))
        classes[rows], best[rows] = scores.argmax(axis=1), scores.max(axis=1)
    if not np.isfinite(best).all():
        raise DataError(
            f"{model.path} answers with values that are no numbers",
            hint="is the file sound? `edgecnn inspect` shows what it holds",
        )
    return classes, best


def _batches(
    signal_uv: NDArray[np.int64], at: NDArray[np.int64], spec: BeatInput
) -> Iterator[tuple[int, dict[str, NDArray[np.float32]]]]:
    """Give the network's inputs in batches: the very rows of ``beat_inputs``, a few at a time.

    A row depends on no more beats before it than are cut along with its batch.
    """
    filtered = filter_boxcar(signal_uv, spec.filter, spec.sampling_rate_hz)
    history = max(spec.template_beats, spec.rhythm.long + 1)
    for start in range(0, len(at), _BATCH):
        first, stop = max(0, start - history), min(start + _BATCH, len(at))
        peaks = at[first:stop]
        tensors = beat_tensors(
            cut_windows(filtered, peaks, spec),
            peaks,
            spec,
            next_peak=int(at[stop]) if stop < len(at) else None,
        )
        yield start, {name: rows[start - first :] for name, rows in tensors.items()}
