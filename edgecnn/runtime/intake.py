"""Which frames of a source are answered at all: one of several, at most so many a second."""

from __future__ import annotations

import time

from edgecnn.runtime.frame import Frame

__all__ = ["Intake"]


class Intake:
    """Chooses among the frames of one source, before any of them waits for the model.

    Parameters
    ----------
    stride : int
        One of so many is taken, the first among them.
    max_fps : float, optional
        At most so many a second are taken.

    Examples
    --------
    >>> import numpy as np
    >>> intake = Intake(stride=3)
    >>> frames = [Frame("x", n, 0, np.zeros((4, 4, 3), np.uint8)) for n in range(7)]
    >>> [frame.number for frame in frames if intake.takes(frame)]
    [0, 3, 6]
    """

    def __init__(self, *, stride: int = 1, max_fps: float | None = None) -> None:
        self._stride = stride
        self._interval_ns = round(1e9 / max_fps) if max_fps else 0
        self._seen = 0
        self._due_ns = 0

    def takes(self, frame: Frame, *, waits: bool = False) -> bool:
        """Tell whether a frame is to be answered.

        A broken one always is: that it is broken must be said, and costs nothing.

        Parameters
        ----------
        frame : Frame
        waits : bool
            The source waits, so that none is too early: :meth:`wait_s` says for how long.
        """
        turn, self._seen = self._seen % self._stride, self._seen + 1
        if frame.fault:
            return True
        if turn:
            return False
        # A grid of due times, not a pause after each: else jitter would cost every other frame.
        if not waits and frame.captured_ns < self._due_ns:
            return False
        on_grid = frame.captured_ns < self._due_ns + self._interval_ns
        self._due_ns = (self._due_ns if on_grid else frame.captured_ns) + self._interval_ns
        return True

    def wait_s(self) -> float:
        """Return how long a source that waits is to wait before its next frame is taken."""
        return max(0.0, (self._due_ns - time.monotonic_ns()) / 1e9)
