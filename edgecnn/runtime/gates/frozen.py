"""Refuses the frames of a camera that gives the same picture again and again."""

from __future__ import annotations

import zlib
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gates.base import Refusal

__all__ = ["Frozen"]

#: A driver that hangs may hand out its ring of buffers in turn.
_RING = 8
#: Every so many rows are hashed first.
_STEP = 32


class Frozen:
    """Refuses frames without news: for live sources whose picture is never quite still.

    A sensor's noise makes two frames differ, however still the scene. Frames are compared by a
    hash of every 32nd row; only one that is known gets a hash of all its pixels, which decides.

    Parameters
    ----------
    after_s : float
        So long there must have been no new picture. A strongly compressing network camera can
        repeat itself exactly for a second or two.
    least : int
        And so many equal frames.
    """

    def __init__(self, after_s: float = 5.0, *, least: int = 3) -> None:
        self._after_s = after_s
        self._least = least
        self._coarse: deque[tuple[object, int]] = deque(maxlen=_RING)
        self._fine: deque[tuple[object, int]] = deque(maxlen=_RING)
        self._since_ns = 0
        self._equal = 0

    def check(self, frame: Frame) -> Refusal | None:
        """Refuse a picture when nothing new has come for too long."""
        if self._is_new(frame):
            self._since_ns, self._equal = frame.captured_ns, 0
            return None
        self._equal += 1
        stood_s = (frame.captured_ns - self._since_ns) / 1e9
        if stood_s < self._after_s or self._equal < self._least:
            return None
        return Refusal("frozen", f"frozen: no new picture for {stood_s:.1f} s")

    def _is_new(self, frame: Frame) -> bool:
        shape = frame.data.shape
        coarse = (shape, _hash(frame.data[::_STEP]))
        if coarse not in self._coarse:
            self._coarse.append(coarse)
            return True
        fine = (shape, _hash(frame.data))
        if fine not in self._fine:
            # Perhaps equal to one of which this hash was never taken: the next one will tell.
            self._fine.append(fine)
            return True
        return False


def _hash(data: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(data).data)
