"""Where every captured frame went, exact to the frame."""

from __future__ import annotations

import threading
from dataclasses import dataclass

__all__ = ["Ledger", "LedgerCounts"]


@dataclass(frozen=True, slots=True)
class LedgerCounts:
    """The ledger at one moment: ``captured = processed + dropped + failed + pending``.

    Attributes
    ----------
    captured : int
        Frames that the source gave, broken ones included.
    processed : int
        Frames that were looked at and answered, be it with "unknown": the model was unsure, or the
        frame was refused on purpose (black, frozen, ...).
    dropped : int
        Frames that a newer one replaced, that were to be left out, or that were left when the
        stream was stopped.
    failed : int
        Frames that could not be looked at: unreadable, or an error of the model.
    pending : int
        Frames that wait, or are being worked on.
    """

    captured: int
    processed: int
    dropped: int
    failed: int
    pending: int


class Ledger:
    """Counts what the capture thread and the processing thread do with frames.

    Each side reports on its own and ``pending`` is counted too, not made up from the rest, so that
    a frame that goes missing shows as books that do not balance.

    Parameters
    ----------
    total : Ledger, optional
        Counts everything as well: of one source among several, the ledger of all.
    """

    def __init__(self, total: Ledger | None = None) -> None:
        self._total = total
        self._lock = threading.Lock()
        self._captured = self._processed = self._dropped = self._failed = self._pending = 0
        self._skipped = 0

    def capture(self) -> None:
        """Count a frame that came from the source and now waits."""
        with self._lock:
            self._captured += 1
            self._pending += 1
        if self._total is not None:
            self._total.capture()

    def drop(self, count: int = 1) -> None:
        """Count frames that waited and were given up."""
        with self._lock:
            self._pending -= count
            self._dropped += count
        if self._total is not None:
            self._total.drop(count)

    def skip(self) -> None:
        """Count a frame that came and was to be left out: it counts as dropped."""
        with self._lock:
            self._captured += 1
            self._dropped += 1
            self._skipped += 1
        if self._total is not None:
            self._total.skip()

    @property
    def skipped(self) -> int:
        """How many of the dropped frames were to be left out."""
        with self._lock:
            return self._skipped

    def process(self) -> None:
        """Count a frame that was answered."""
        with self._lock:
            self._pending -= 1
            self._processed += 1
        if self._total is not None:
            self._total.process()

    def fail(self) -> None:
        """Count a frame that could not be answered."""
        with self._lock:
            self._pending -= 1
            self._failed += 1
        if self._total is not None:
            self._total.fail()

    def counts(self) -> LedgerCounts:
        """Return all counts of one moment."""
        with self._lock:
            return LedgerCounts(
                self._captured, self._processed, self._dropped, self._failed, self._pending
            )
