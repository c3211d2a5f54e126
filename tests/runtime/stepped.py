"""A camera whose every frame the test asks for, so that no clock has a say in what comes when."""

from __future__ import annotations

import threading
import time

import numpy as np

from edgecnn.runtime.frame import Frame


class SteppedCamera:
    """Gives its frames when it is told to, and ends with the last of ``count``."""

    live, fps, reopening = True, None, False

    def __init__(self, name, count):
        self.description = name
        self.given = 0
        self._count, self._allowed, self._waits = count, 0, False
        self._changed = threading.Condition()
        self._over = False

    def give(self, frames=1):
        """Give some more; return when the last of them lies in the mailbox."""
        with self._changed:
            self._allowed = min(self._count, self._allowed + frames)
            self._changed.notify_all()
            # Whoever asks for the next frame has put the last one where it belongs.
            assert self._changed.wait_for(
                lambda: self._over or (self.given == self._allowed and self._waits), 60
            )

    def open(self):
        pass

    def read(self):
        with self._changed:
            self._waits = True
            self._changed.notify_all()
            assert self._changed.wait_for(
                lambda: self._over or self.given < self._allowed or self.given == self._count, 60
            )
            if self._over or self.given == self._count:
                return None
            self._waits = False
            number = self.given
            self.given += 1
        data = np.full((4, 4, 3), number % 250, np.uint8)
        return Frame(self.description, number, time.monotonic_ns(), data)

    def interrupt(self):
        """End the wait for a permission, at the end of the stream."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def close(self):
        pass
