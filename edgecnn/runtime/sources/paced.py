"""A file that plays at its own speed, as if it were a camera."""

from __future__ import annotations

import time
from dataclasses import replace

from edgecnn.errors import SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.base import Source

__all__ = ["Paced"]


class Paced:
    """Gives the frames of a video when a camera would: what a slow model misses is gone.

    Parameters
    ----------
    source : Source
        One that waits for its reader and states its frame rate.
    """

    live = True

    def __init__(self, source: Source) -> None:
        self.source = source
        self._interval_ns = 0
        self._due_ns = 0

    @property
    def description(self) -> str:
        """Say what it is."""
        return self.source.description

    @property
    def fps(self) -> float | None:
        """State the frame rate."""
        return self.source.fps

    def open(self) -> None:
        """Open it and start the clock.

        Raises
        ------
        SourceError
            It has no speed of its own.
        """
        self.source.open()
        if not self.source.fps:
            raise SourceError(
                f"{self.source.description} has no frame rate to play at",
                hint="--policy newest plays a video as a camera would give it; --policy every "
                "answers each frame",
            )
        self._interval_ns = round(1e9 / self.source.fps)
        self._due_ns = time.monotonic_ns()

    def read(self) -> Frame | None:
        """Decode the next frame, and wait until it is due."""
        frame = self.source.read()
        if frame is None:
            return None
        wait_s = (self._due_ns - time.monotonic_ns()) / 1e9
        if wait_s > 0:
            time.sleep(wait_s)
        # A decoder that is too slow makes it play slower, not in bursts.
        self._due_ns = max(self._due_ns, time.monotonic_ns() - self._interval_ns)
        self._due_ns += self._interval_ns
        return replace(frame, captured_ns=time.monotonic_ns())

    def close(self) -> None:
        """Close it."""
        self.source.close()
