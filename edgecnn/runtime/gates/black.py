"""Refuses pictures without content: black ones, and those of one colour."""

from __future__ import annotations

import numpy as np

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gates.base import Refusal

__all__ = ["Black"]

#: So many rows are looked at, and columns as far apart.
_ROWS = 48
#: What a covered lens and the black of a studio's signal (16) stay below, noise and all.
_DARK = 32
#: Share of the pixels that may be brighter: hot pixels, a clock's colon.
_MOST_BRIGHT = 0.001
#: Grey levels that one colour may vary by, in each channel: compression's rounding.
_FLAT = 4


class Black:
    """Refuses a covered lens, a lost signal, a blank screen.

    Black: all but one in a thousand of the pixels looked at have no channel above 32. Constant:
    no channel varies by more than 4.
    """

    def check(self, frame: Frame) -> Refusal | None:
        """Look at a grid of pixels; at every pixel of a small picture."""
        height, width = frame.data.shape[:2]
        step = max(1, min(height, width) // _ROWS)
        seen = np.ascontiguousarray(frame.data[::step, ::step]).reshape(-1, 3)
        brightest = int(seen.max())
        if brightest <= _DARK or _few_bright(seen):
            return Refusal("black", f"black: no more than {brightest} of 255")
        if brightest - int(seen.min()) <= _FLAT:
            return Refusal("constant", "one colour all over")
        # Of a coloured blank each channel has a level of its own.
        first = seen[0].astype(np.int16)
        if (np.abs(seen[::37] - first) > _FLAT).any():
            return None
        spread = np.ptp(seen, axis=0)
        return Refusal("constant", "one colour all over") if (spread <= _FLAT).all() else None


def _few_bright(seen: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bool:
    return bool(np.count_nonzero(seen > _DARK) <= _MOST_BRIGHT * seen.size)
