"""How a detector's output becomes boxes."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edgecnn.metadata.constraints import Fraction, Positive

__all__ = ["Boxes"]


class Boxes(Struct, frozen=True, kw_only=True):
    """How a detector's output becomes boxes; scores below ``Output.min_score`` are none.

    Attributes
    ----------
    decoder : str
        Which network's arithmetic, by its name in :mod:`edgecnn.runtime.tasks.boxes`.
    per_cell : int
        Boxes that each cell of the grid predicts.
    strides : tuple of int
        Pixels of the input per cell, one value for each grid.
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
