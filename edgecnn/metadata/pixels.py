"""How an image-to-image network's output becomes a picture."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct

from edgecnn.metadata.constraints import PositiveFloat

__all__ = ["Pixels"]


class Pixels(Struct, frozen=True, kw_only=True):
    """How an output tensor becomes a picture: ``value * scale + offset``, rounded, cut to 0..255.

    Attributes
    ----------
    layout : "NCHW" or "NHWC"
        Axes of the tensor. Its height and width are the picture's, whatever the input's were.
    colour : "gray", "rgb" or "bgr"
        Channel order of the tensor: one channel for grey, three for colour.
    scale : float
        Grey levels per unit of the tensor: 255 for values of 0..1, 1 for grey levels.
    offset : float
        Grey level of the value 0. A gradient's values have two signs: an offset of 128 shows both.
    """

    layout: Literal["NCHW", "NHWC"] = "NCHW"
    colour: Literal["gray", "rgb", "bgr"]
    scale: PositiveFloat = 255.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that are no numbers."""
        for what, value in (("scale", self.scale), ("offset", self.offset)):
            if not math.isfinite(value):
                raise ValueError(f"{what} is not finite: {value}")

    @property
    def channels(self) -> int:
        """Number of channels: 1 for grey, 3 for colour."""
        return 1 if self.colour == "gray" else 3
