"""A recording that stays in its file: its leads and length are known, its samples are fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError, UsageError

__all__ = ["StoredRecord", "stored_of"]

#: Samples that are decoded at once when all are read: what is between file and result stays small.
_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class StoredRecord:
    """A recording whose samples are read piece by piece.

    Attributes
    ----------
    name, path, sampling_rate_hz, leads, start, notes
        As of a :class:`~edgecnn.ecg.record.Record`.
    samples : int
        Of each lead; no more than the file holds.
    fetch : callable
        ``fetch(first, stop)`` returns these samples in millivolts, shape ``(stop - first, leads)``.
    remarks : callable
        Says what is to be known once all samples were fetched in their order: a WFDB record's
        checksums.
    """

    name: str
    path: Path
    sampling_rate_hz: float
    leads: tuple[str, ...]
    samples: int
    fetch: Callable[[int, int], NDArray[np.float64]]
    start: datetime | None = None
    notes: tuple[str, ...] = ()
    remarks: Callable[[], tuple[str, ...]] = tuple

    def __post_init__(self) -> None:
        """Refuse a file without samples."""
        if self.samples <= 0:
            raise RecordError(f"{self.path} holds no samples", hint="is the file complete?")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sampling_rate_hz

    def chunks(self, seconds: float) -> Iterator[NDArray[np.float64]]:
        """Yield the signal from its first sample to its last, in pieces of a length.

        Parameters
        ----------
        seconds : float
            The last piece may be shorter.

        Yields
        ------
        ndarray of float64, shape (samples, leads)
            In millivolts; NaN where there is no signal.

        Raises
        ------
        UsageError
            A length that is not positive.
        """
        if not seconds > 0:
            raise UsageError(f"pieces of {seconds:g} s are none", hint="60 s are a good length")
        step = max(1, round(seconds * self.sampling_rate_hz))
        for first in range(0, self.samples, step):
            yield self.fetch(first, min(first + step, self.samples))

    def read(self) -> Record:
        """Return the whole recording."""
        signal_mv = np.empty((self.samples, len(self.leads)))
        for first in range(0, self.samples, _BLOCK):
            stop = min(first + _BLOCK, self.samples)
            signal_mv[first:stop] = self.fetch(first, stop)
        return Record(
            name=self.name,
            path=self.path,
            sampling_rate_hz=self.sampling_rate_hz,
            leads=self.leads,
            signal_mv=signal_mv,
            start=self.start,
            notes=self.notes + self.remarks(),
        )


def stored_of(record: Record) -> StoredRecord:
    """Return a record that is in memory as one whose samples are fetched."""
    signal_mv = record.signal_mv.astype(np.float64, copy=False)
    return StoredRecord(
        name=record.name,
        path=record.path,
        sampling_rate_hz=record.sampling_rate_hz,
        leads=record.leads,
        samples=len(signal_mv),
        fetch=lambda first, stop: signal_mv[first:stop],
        start=record.start,
        notes=record.notes,
    )
