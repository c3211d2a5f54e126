"""A record and a model: the class of every heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import CLASS_OF_SYMBOL
from edgecnn.ecg.readers.stored import stored_of
from edgecnn.ecg.record import Record
from edgecnn.errors import TaskError
from edgecnn.metadata import BeatInput, how_to_run, reads
from edgecnn.runtime.session import Model

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
    def places(self) -> NDArray[np.int8]:
        """:attr:`class_indices`, but of labels that a class map made equal, the first one's place.

        -1 for a beat without an answer.
        """
        first = [self.labels.index(label) for label in self.labels]
        return np.array([*first, -1], dtype=np.int8)[self.class_indices]

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class of each beat; ``"Q"`` for one that was not classified."""
        names = (*self.labels, UNCLASSIFIED)
        return tuple(names[index] for index in self.class_indices.tolist())

    @property
    def counts(self) -> dict[str, int]:
        """Number of beats by class: the model's labels, then ``"Q"``."""
        names = (*self.labels, UNCLASSIFIED)
        found = np.bincount(self.class_indices.astype(np.int64) % len(names), minlength=len(names))
        counts = dict.fromkeys(names, 0)
        for name, number in zip(names, found.tolist(), strict=True):
            counts[name] += number
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
    from edgecnn.ecg.stored_beats import classify_stored

    wanted = lead if lead is not None else beat_input_of(model).leads[0]
    return classify_stored(stored_of(record.select(wanted)), model, wanted=wanted, peaks=peaks)


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
