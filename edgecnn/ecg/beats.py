"""A record and a model: the class of every heartbeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.aami import CLASS_OF_SYMBOL
from edgecnn.ecg.beat_model import beat_input_of
from edgecnn.ecg.readers.stored import stored_of
from edgecnn.ecg.record import Record
from edgecnn.ecg.scored_record import ScoredRecord
from edgecnn.ecg.stored_beats import classify_stored
from edgecnn.runtime.session import Model

__all__ = ["beat_peaks", "classify_record", "match_beats"]


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
    {'N': 2240, 'S': 31, 'V': 2, 'F': 0, 'Q': 0}
    """
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
