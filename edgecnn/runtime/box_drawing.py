"""Boxes over a picture, with what is in them; readable on a thumbnail and on a 4K frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.label_colours import Colour, label_colour
from edgecnn.runtime.overlay import enlarged, text_width, write_text
from edgecnn.runtime.tasks.detect import Detections

__all__ = ["draw_boxes"]

Picture = NDArray[np.uint8]


def draw_boxes(picture: Picture, found: Detections, names: tuple[str, ...]) -> Picture:
    """Draw boxes with label and score over a copy of a picture.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
        BGR; not changed.
    found : Detections
        In the picture's pixels.
    names : tuple of str
        The labels.

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
        The same size, or enlarged as :func:`~edgecnn.runtime.overlay.enlarged` does.
    """
    canvas, times = enlarged(picture)
    height, width = canvas.shape[:2]
    unit = max(9.0, min(height, width) / 26)
    line = max(2, round(unit / 7))
    # The best are drawn last, over the others.
    for rank in reversed(range(len(found))):
        colour = label_colour(int(found.labels[rank]))
        left, top, right, bottom = (round(float(edge)) for edge in found.boxes[rank] * times)
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, line)
        text = f"{names[int(found.labels[rank])]} {100 * float(found.scores[rank]):.0f} %"
        _tag(canvas, text, (left, top), unit, colour)
    return canvas


def _tag(canvas: Picture, text: str, corner: tuple[int, int], unit: float, colour: Colour) -> None:
    """Write on a plate above a box's upper left corner, or in the box where above is no room."""
    plate_width, plate_height = text_width(text, unit) + 0.6 * unit, 1.4 * unit
    left = max(0.0, min(corner[0], canvas.shape[1] - plate_width))
    top = corner[1] - plate_height if corner[1] >= plate_height else corner[1]
    end = (round(left + plate_width), round(top + plate_height))
    cv2.rectangle(canvas, (round(left), round(top)), end, colour, -1)
    blue, green, red = colour
    dark = 0.114 * blue + 0.587 * green + 0.299 * red > 120
    ink: Colour = (20, 20, 20) if dark else (255, 255, 255)
    write_text(canvas, text, (left + 0.3 * unit, top + 1.05 * unit), size=unit, colour=ink)
