"""Refuses what is no picture: a wrong type, a wrong number of channels, next to no pixels."""

from __future__ import annotations

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gates.base import Refusal

__all__ = ["Shape"]

_LEAST_SIDE = 8


class Shape:
    """Refuses frames that no camera gives.

    A size that changes in mid-stream is fine: every frame is prepared for itself.
    """

    def check(self, frame: Frame) -> Refusal | None:
        """Refuse what is not uint8, ``(H, W, 3)`` and at least 8 pixels a side."""
        data = frame.data
        if data.ndim != 3 or data.shape[2] != 3 or data.dtype.kind != "u" or data.itemsize != 1:
            found = f"{'x'.join(map(str, data.shape))} of {data.dtype}"
            return Refusal("shape", f"no picture of three 8-bit channels: {found}")
        height, width = data.shape[:2]
        if min(height, width) < _LEAST_SIDE:
            return Refusal("shape", f"too small: {width}x{height} pixels")
        return None
