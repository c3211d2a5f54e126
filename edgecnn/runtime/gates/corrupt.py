"""Refuses pictures of which a part was never decoded."""

from __future__ import annotations

import numpy as np

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gates.base import Refusal

__all__ = ["Corrupt"]

#: Bars of letterboxed films, and what is overexposed, are blank too: this dark or this bright, and
#: without a tint.
_DARKEST, _BRIGHTEST, _NEUTRAL = 24, 250, 2


class Corrupt:
    """Refuses frames whose lower part is a band of exactly one colour.

    When the bytes of a JPEG frame end early, decoders fill what is missing with the last colour
    that they met, or with grey; FFmpeg's other codecs leave green. No camera gives the same colour
    to the digit all across a tenth of the picture, except black and white. Pictures with names,
    from a folder, may be drawn: of them, decoding itself tells when one is cut short.
    """

    def check(self, frame: Frame) -> Refusal | None:
        """Look at the last row, and at more where that is blank."""
        if frame.name:
            return None
        data = frame.data
        colour = data[-1, 0]
        if (data[-1, ::32] != colour).any() or (data[-1] != colour).any():
            return None
        low, high = int(colour.min()), int(colour.max())
        if high - low <= _NEUTRAL and (high <= _DARKEST or low >= _BRIGHTEST):
            return None
        height = len(data)
        band = -(-height // 10)
        if (data[-band:] != colour).any():
            return None
        rows = np.flatnonzero((data[:, ::16] != colour).any(axis=(1, 2)))
        blank = height - 1 - (int(rows[-1]) if rows.size else -1)
        if blank >= height:
            return None  # blank all over: another gate's
        share = 100 * blank / height
        return Refusal("corrupt", f"corrupt: the lower {share:.0f} % were not decoded")
