"""One lead of a recording that stays in its file: piece by piece, and any stretch of it again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.gaps import credible_mv
from edgecnn.ecg.readers.stored import StoredRecord

__all__ = ["CHUNK_SAMPLES", "LeadSignal", "Sliceable"]

#: Samples that are worked on at once, by measurement: of fewer, calling takes longer than working.
CHUNK_SAMPLES = 1 << 17
#: A lead of up to so many samples (an hour and a half at 360 Hz) is kept while it is worked on.
_KEPT_SAMPLES = 1 << 21


class Sliceable(Protocol):
    """A signal that stretches can be cut out of: an array, or a :class:`LeadSignal`."""

    def __len__(self) -> int:
        """Return the number of samples."""
        ...

    def __getitem__(self, part: slice, /) -> NDArray[np.floating]:
        """Return a stretch."""
        ...


class LeadSignal:
    """A lead in millivolts, NaN where there is no signal.

    However long it is, no more than a few pieces of it are in memory.

    Parameters
    ----------
    stored : StoredRecord
        Opened with a single lead.
    chunk_samples : int
        Length of a piece; the results of scoring do not depend on it.
    """

    def __init__(self, stored: StoredRecord, chunk_samples: int = CHUNK_SAMPLES) -> None:
        self._stored = stored
        self._step = chunk_samples
        self._kept: NDArray[np.floating] | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return self._stored.samples

    def chunks(self) -> Iterator[NDArray[np.floating]]:
        """Yield the pieces in order, as the file has them."""
        kept = self._kept
        if kept is None and len(self) <= _KEPT_SAMPLES:
            kept = np.empty(len(self))
        for first in range(0, len(self), self._step):
            stop = min(first + self._step, len(self))
            if kept is None:
                yield self._stored.fetch(first, stop)[:, 0]
                continue
            piece = kept[first:stop]
            if kept is not self._kept:
                piece[:] = self._stored.fetch(first, stop)[:, 0]
            yield piece
        self._kept = kept

    def __getitem__(self, part: slice) -> NDArray[np.floating]:
        """Return a stretch; samples that no electrode gives are NaN."""
        first, stop, _ = part.indices(len(self))
        if self._kept is not None:
            return credible_mv(self._kept[first:stop])
        return credible_mv(self._stored.fetch(first, stop)[:, 0])
