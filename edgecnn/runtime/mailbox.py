"""Between capture and processing: the newest frame, or every frame in order."""

from __future__ import annotations

import threading
from collections import deque

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.ledger import Ledger

__all__ = ["Mailbox"]


class Mailbox:
    """Hands frames from the capture thread to the processing thread.

    Parameters
    ----------
    ledger : Ledger
        Told of every frame that comes in or is replaced.
    newest : bool
        True: holds one frame, and a newer one replaces it, so that what is processed is never
        older than one frame; :meth:`put` never waits. False: holds a few, in order, and
        :meth:`put` waits for room.
    room : int
        How many frames may wait when every one counts; once so many do, a quarter is left before
        there is room again.
    arrived : threading.Event, optional
        Set when a frame comes, or none will: for who waits at several mailboxes.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        newest: bool,
        room: int = 4,
        arrived: threading.Event | None = None,
    ) -> None:
        self._arrived = arrived
        self._ledger = ledger
        self.newest = newest
        self._room = room
        self._waiting: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._closed = False

    @property
    def ahead(self) -> bool:
        """Whether frames wait that all count: whoever leaves another one is in no hurry."""
        return not self.newest and bool(self._waiting)

    @property
    def _full(self) -> bool:
        return not self.newest and len(self._waiting) >= self._room

    def put(self, frame: Frame) -> bool:
        """Leave a frame; False when the mailbox is closed and wants no more."""
        with self._changed:
            self._ledger.capture()
            if self._full:
                # Woken for every single frame, it would get in the way of who takes them.
                while len(self._waiting) > self._room // 4 and not self._closed:
                    self._changed.wait()
            if self._closed:
                self._ledger.drop()
                return False
            if self.newest and self._waiting:
                self._waiting.clear()
                self._ledger.drop()
            self._waiting.append(frame)
            if len(self._waiting) == 1:
                self._changed.notify_all()
            if self._arrived is not None:
                self._arrived.set()
            return True

    def get(self, timeout_s: float) -> Frame | None:
        """Take a frame, waiting up to ``timeout_s`` for it."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(timeout_s)
            if not self._waiting:
                return None
            frame = self._waiting.popleft()
            if len(self._waiting) == self._room // 4:
                self._changed.notify_all()
            return frame

    def wake(self) -> None:
        """Let :meth:`get` return early: there may be no further frame to wait for."""
        with self._changed:
            self._changed.notify_all()
            if self._arrived is not None:
                self._arrived.set()

    def close(self) -> None:
        """Take no more frames, and give up those that wait."""
        with self._changed:
            self._closed = True
            self._ledger.drop(len(self._waiting))
            self._waiting.clear()
            self._changed.notify_all()
