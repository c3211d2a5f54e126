"""The thread that reads a source into the mailbox."""

from __future__ import annotations

import contextlib
import threading

import numpy as np

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.ledger import Ledger
from edgecnn.runtime.mailbox import Mailbox
from edgecnn.runtime.sources.base import Reopens, Source

__all__ = ["CaptureThread"]

#: How long it gets to notice that the stream is over.
_PARTING_S = 2.0


class CaptureThread(threading.Thread):
    """Reads the source into the mailbox; opens and closes it too, all on this one thread."""

    def __init__(self, source: Source, ledger: Ledger, *, limit: int | None) -> None:
        # A read that hangs in a driver must not keep the process from ending.
        super().__init__(name="capture", daemon=True)
        self._source = source
        self._ledger = ledger
        self._limit = limit
        self._wanted = True
        self._begun = threading.Event()
        self._error: BaseException | None = None
        self._before: Frame | None = None
        self.mailbox = Mailbox(ledger, newest=True)
        self.opened = threading.Event()
        self.over = threading.Event()
        self.duplicates = 0

    def run(self) -> None:
        """Open, read and close the source; what goes wrong is kept for :meth:`check`."""
        try:
            self._source.open()
            self.mailbox = Mailbox(self._ledger, newest=self._source.live)
            self.opened.set()
            self._begun.wait()
            self._read_all()
        except BaseException as error:  # carried to the pipeline's thread, and raised there
            self._error = error
        finally:
            with contextlib.suppress(OSError):
                self._source.close()
            self.over.set()
            self.opened.set()
            self.mailbox.wake()

    def begin(self) -> None:
        """Start to read; until then the source is open only."""
        self._begun.set()

    def check(self) -> None:
        """Raise what went wrong with the source."""
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Stop reading, and wait a little for the source to be closed."""
        self._wanted = False
        if isinstance(self._source, Reopens):
            self._source.interrupt()
        self.mailbox.close()
        self._begun.set()
        self.join(_PARTING_S)

    def _read_all(self) -> None:
        count = 0
        # Where every frame counts, none is read that would not be answered.
        limit = None if self._source.live else self._limit
        while self._wanted and (limit is None or count < limit):
            frame = self._source.read()
            if frame is None:
                return
            count += 1
            if self._source.live:
                self._compare(frame)
            if not self.mailbox.put(frame):
                return

    def _compare(self, frame: Frame) -> None:
        """Count a picture that equals the one before; most differ within the first few rows."""
        before, self._before = self._before, frame
        if before is None or before.data.shape != frame.data.shape or not frame.data.size:
            return
        if np.array_equal(before.data[::16], frame.data[::16]) and np.array_equal(
            before.data, frame.data
        ):
            self.duplicates += 1
