"""A camera or stream that is opened again when it fails.

After a failed read OpenCV returns at once, again and again, while the capture is still "open": only
opening it anew helps. Attempts grow rarer, up to one in half a minute; between them it is looked
for a cheap sign that the source is back (the device's file, a port that accepts), which ends the
wait.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from edgecnn.errors import EdgeCNNError, SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.backoff import Backoff
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.capture import NO_PICTURE

__all__ = ["Reopening"]

#: How often a sign is looked for.
_LOOK_S = 0.5
#: Many devices see one server come back at the same moment.
_SPREAD_S = 0.25


class Reopening:
    """A live source that goes on after it was lost.

    The first :meth:`open` must work. A read that fails later gives one frame with a ``fault``, so
    that what people see does not stay at the last answer; the next read waits until the source is
    back. Frame numbers go on; the size of the pictures may be another one.

    Parameters
    ----------
    source : Source
        What is opened again. A finished video behind an address (not ``live``) is not.
    give_up_s : float
        After so many seconds without a frame the error is passed on.
    say : callable
        Hears once that it is lost, and once that it is back.
    reachable : callable, optional
        Tells cheaply, in less than a second, whether opening may work.

    Attributes
    ----------
    reopening : bool
        It is lost just now; nothing is wrong with the thread that reads it.
    reconnects : int
        How often it was found again.
    """

    def __init__(
        self,
        source: Source,
        *,
        give_up_s: float,
        say: Callable[[str], None] = lambda text: None,
        reachable: Callable[[], bool] | None = None,
    ) -> None:
        self.source = source
        self._give_up_s = give_up_s
        self._say = say
        self._reachable = reachable
        self._backoff = Backoff()
        self._interrupted = threading.Event()
        self._count = 0
        self._size: tuple[int, ...] = ()
        self._good_since = 0.0
        self._lost_since = 0.0
        self._gone = False
        self.reopening = False
        self.reconnects = 0

    @property
    def description(self) -> str:
        """Say what it is, without credentials."""
        return self.source.description

    @property
    def _name(self) -> str:
        return self.description.partition(" (")[0]

    @property
    def live(self) -> bool:
        """Tell whether only the newest frame matters."""
        return self.source.live

    @property
    def fps(self) -> float | None:
        """State the nominal frame rate."""
        return self.source.fps

    def open(self) -> None:
        """Open it for the first time.

        Raises
        ------
        SourceError
            It is not there: a wrong address is told at once.
        """
        self.source.open()
        self._good_since = time.monotonic()

    def read(self) -> Frame | None:
        """Wait for the next frame, while it is lost until it is back.

        Returns
        -------
        Frame or None
            None at the source's end, or when it was interrupted.

        Raises
        ------
        SourceError
            It did not come back in time.
        """
        if self.reopening:
            frame = self._reopen()
        else:
            try:
                frame = self.source.read()
            except SourceError as error:
                if not self.live or self._give_up_s <= 0:
                    raise
                return self._lose(error)
        if frame is None:
            return None
        if not frame.fault:
            self._size = frame.data.shape
        return self._numbered(frame)

    def interrupt(self) -> None:
        """End a wait for the source to come back; called from another thread."""
        self._interrupted.set()

    def close(self) -> None:
        """Let go of it."""
        self.source.close()

    def _numbered(self, frame: Frame) -> Frame:
        number = self._count
        self._count += 1
        return replace(frame, number=number)

    def _lose(self, error: SourceError) -> Frame:
        now = time.monotonic()
        self._backoff.held(seconds=now - self._good_since)
        self._lost_since, self._gone, self.reopening = now, False, True
        self.source.close()
        self._say(f"{error.message}; trying to open it again")
        return self._numbered(
            Frame(self.description, 0, time.monotonic_ns(), NO_PICTURE, fault=error.message)
        )

    def _reopen(self) -> Frame | None:
        """Try until a frame comes: that something opens does not mean that it gives any."""
        while self._wait(self._backoff.next_s()):
            try:
                self.source.open()
                frame = self.source.read()
            except EdgeCNNError as error:
                self.source.close()
                lost_s = time.monotonic() - self._lost_since
                if lost_s >= self._give_up_s:
                    raise SourceError(
                        f"{self._name} did not come back within {lost_s:.0f} s: {error.message}",
                        hint="--give-up says how long to try",
                    ) from error
                continue
            self._found(frame)
            return frame
        return None

    def _found(self, frame: Frame | None) -> None:
        self.reopening = False
        self.reconnects += 1
        self._good_since = time.monotonic()
        lost_s = self._good_since - self._lost_since
        size = frame.data.shape if frame is not None and not frame.fault else self._size
        other = ""
        if size != self._size and len(size) > 1:
            other = f", now {size[1]}x{size[0]}"
        self._say(f"{self._name} is back after {lost_s:.1f} s{other}")

    def _wait(self, seconds: float) -> bool:
        """Wait for the next attempt, less if there is a sign; False when interrupted."""
        limit = time.monotonic() + min(
            seconds, max(0.0, self._lost_since + self._give_up_s - time.monotonic())
        )
        while (left := limit - time.monotonic()) > 0:
            if self._interrupted.wait(min(left, _LOOK_S)):
                return False
            if self._reachable is None:
                continue
            # Only a change is a sign: a server that accepts and then says nothing gives none.
            there = self._reachable()
            if self._gone and there:
                self._gone = False
                self._backoff.reset()
                return not self._interrupted.wait(random.uniform(0, _SPREAD_S))
            self._gone = not there
        return not self._interrupted.is_set()
