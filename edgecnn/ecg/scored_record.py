"""The beats of one record with their classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["UNCLASSIFIED", "ScoredRecord"]

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
