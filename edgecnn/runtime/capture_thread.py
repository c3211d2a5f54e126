"""The thread that reads a source into the mailbox."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import Protocol

import numpy as np

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.mailbox import Mailbox
from edgecnn.runtime.sources.base import Source

__all__ = ["CaptureThread", "Receiver"]

#: How long it gets to notice that the stream is over.
_PARTING_S = 2.0
#: Between two attempts to open a source in the place of one that hangs, and may still hold it.
_RETRY_S = 1.0


class Receiver(Protocol):
    """What a capture thread reads for; there is one, whichever thread reads.

    Attributes
    ----------
    begun : threading.Event
        Set when frames are wanted.
    number : int
        Of the next frame.
    """

    begun: threading.Event
    number: int

    def takes(self, frame: Frame, *, waits: bool) -> bool:
        """Tell whether a frame is to be answered; one that is not has been counted."""
        ...

    def prepared(self, frame: Frame) -> Frame:
        """Return the frame, prepared for its turn as far as that is possible."""
        ...

    def rest(self) -> None:
        """Wait until the next frame of a source that waits may be taken."""
        ...

    def opened_by(self, thread: CaptureThread) -> Mailbox | None:
        """Take note that the source is open; None for a thread that was replaced."""
        ...

    def ended_by(self, thread: CaptureThread, error: BaseException | None) -> None:
        """Take note that there is nothing more to read, and why."""
        ...

    def is_current(self, thread: CaptureThread) -> bool:
        """Tell whether this thread was not replaced."""
        ...

    def wants(self, thread: CaptureThread) -> bool:
        """Tell whether this thread should read on."""
        ...


class CaptureThread(threading.Thread):
    """Reads a source into the mailbox; opens and closes it too, all on this one thread.

    Parameters
    ----------
    source : Source
    receiver : Receiver
    limit : int, optional
        How many frames are wanted of a source of which every one counts.
    again : bool
        Whether it takes the place of a thread that hangs: then opening is tried until it works.

    Attributes
    ----------
    busy_since : float or None
        ``time.monotonic()`` when it began to wait for the source.
    opening : bool
        Whether that is to open it.
    duplicates : int
        Frames that equal the one before.
    """

    def __init__(
        self, source: Source, receiver: Receiver, *, limit: int | None, again: bool = False
    ) -> None:
        # A read that hangs in a driver must not keep the process from ending.
        super().__init__(name="capture", daemon=True)
        self.source = source
        self._receiver = receiver
        self._limit = limit
        self._again = again
        self._before: Frame | None = None
        self.busy_since: float | None = None
        self.opening = True
        self.duplicates = 0

    def run(self) -> None:
        """Open, read and close the source."""
        error: BaseException | None = None
        try:
            self.busy_since = time.monotonic()
            self._open()
            mailbox = self._receiver.opened_by(self)
            self.busy_since, self.opening = None, False
            if mailbox is not None:
                self._receiver.begun.wait()
                self._read_all(mailbox)
        except BaseException as caught:  # carried to the pipeline's thread, and raised there
            error = caught
        finally:
            self.busy_since = None
            with contextlib.suppress(OSError):
                self.source.close()
            self._receiver.ended_by(self, error)

    def end(self) -> None:
        """Wait a little for the source to be closed."""
        self.join(_PARTING_S)

    def _open(self) -> None:
        while True:
            try:
                self.source.open()
                return
            except EdgeCNNError:
                if not self._again or not self._receiver.wants(self):
                    raise
            self.source.close()
            time.sleep(_RETRY_S)

    def _read_all(self, mailbox: Mailbox) -> None:
        first, count = self._receiver.number, 0
        live = self.source.live
        # Where every frame counts, none is read that would not be answered.
        limit = None if mailbox.newest else self._limit
        while self._receiver.wants(self) and (limit is None or count < limit):
            self.busy_since = time.monotonic()
            frame = self.source.read()
            self.busy_since = None
            if frame is None or not self._receiver.is_current(self):
                return
            if first:
                frame = replace(frame, number=first + frame.number)
            self._receiver.number = frame.number + 1
            if live:
                self._compare(frame)
            if not self._receiver.takes(frame, waits=not live):
                continue
            count += 1
            if mailbox.ahead:
                frame = self._receiver.prepared(frame)
            if not mailbox.put(frame):
                return
            if not live:
                self._receiver.rest()

    def _compare(self, frame: Frame) -> None:
        """Count a picture that equals the one before; most differ within the first few rows."""
        before, self._before = self._before, frame
        if before is None or before.data.shape != frame.data.shape or not frame.data.size:
            return
        if np.array_equal(before.data[::16], frame.data[::16]) and np.array_equal(
            before.data, frame.data
        ):
            self.duplicates += 1
