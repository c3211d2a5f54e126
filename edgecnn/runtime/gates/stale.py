"""Refuses frames that waited too long for their turn."""

from __future__ import annotations

import time

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gates.base import Refusal

__all__ = ["Stale"]


class Stale:
    """Refuses frames that are too old to say anything about now: of live sources only.

    Parameters
    ----------
    most_s : float
        Seconds from the capture of a frame to its turn.
    """

    def __init__(self, most_s: float = 2.0) -> None:
        self._most_s = most_s

    def check(self, frame: Frame) -> Refusal | None:
        """Refuse a frame that is older than that."""
        age_s = ((frame.turn_ns or time.monotonic_ns()) - frame.captured_ns) / 1e9
        if age_s <= self._most_s:
            return None
        return Refusal("stale", f"stale: {age_s:.1f} s old when its turn came")
