"""How a detector's output becomes boxes."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edgecnn.metadata.constraints import Fraction, Positive

__all__ = ["Boxes"]

#: Decoders whose boxes are told in cells of one or more grids.
_GRIDS = {"yolox"}


class Boxes(Struct, frozen=True, kw_only=True):
    """How a detector's output becomes boxes; scores below ``Output.min_score`` are none.

    Attributes
    ----------
    decoder : str
        Which network's arithmetic, by its name in :mod:`edgecnn.runtime.tasks.boxes`, where its
        shape of output is stated too.
    per_cell : int
        For ``yolo-v1``: boxes that each cell of the grid predicts.
    strides : tuple of int
        For ``yolox``: pixels of the input per cell, one value for each grid, in the order of the
        output.
    max_overlap : float
        Of two boxes of one class that overlap by more (intersection over union), the one with the
        lower score goes.
    limit : int
        Most boxes that an answer lists.
    """

    decoder: Literal["yolo-v1", "yolox", "yolov5", "yolov8", "fastestdet"]
    per_cell: Positive = 1
    strides: tuple[Positive, ...] = ()
    max_overlap: Fraction = 0.5
    limit: Positive = 100

    def __post_init__(self) -> None:
        """Refuse a decoder without the facts that it needs."""
        if (self.decoder in _GRIDS) != bool(self.strides):
            need = "needs" if self.decoder in _GRIDS else "takes no"
            raise ValueError(f"the decoder {self.decoder} {need} strides")
