"""Where a picture comes to lie in a network's input, and back again.

Preparing a picture and decoding the boxes found in it use the same numbers, from here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import ImageInput

__all__ = ["Fit", "Rectangle", "fit_of"]


@dataclass(frozen=True)
class Rectangle:
    """Whole pixels: the upper left corner and the size."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Fit:
    """Which part of a picture is resized, and where in the tensor it lies.

    Attributes
    ----------
    source : Rectangle
        In the picture; all of it unless ``resize`` is ``crop``.
    target : Rectangle
        In the tensor; all of it unless ``resize`` is ``letterbox``.
    """

    source: Rectangle
    target: Rectangle

    def to_tensor(self, boxes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Move boxes ``x0, y0, x1, y1``, shape ``(n, 4)``, from the picture into the tensor.

        Examples
        --------
        >>> spec = ImageInput(height=100, width=100, colour="rgb", resize="letterbox")
        >>> fit_of(50, 200, spec).to_tensor(np.array([[0, 0, 200, 50]])).tolist()
        [[0.0, 37.0, 100.0, 62.0]]
        """
        return _moved(boxes, self.source, self.target)

    def to_picture(self, boxes: NDArray[np.floating]) -> NDArray[np.float32]:
        """Move boxes from the tensor into the picture: the inverse of :meth:`to_tensor`."""
        return _moved(boxes, self.target, self.source)


def fit_of(height: int, width: int, spec: ImageInput) -> Fit:
    """Return how a picture of so many pixels fits into the tensor.

    Parameters
    ----------
    height, width : int
        Of the picture.
    spec : ImageInput

    Examples
    --------
    >>> spec = ImageInput(height=32, width=32, colour="rgb", resize="crop")
    >>> fit_of(64, 128, spec).source
    Rectangle(left=32, top=0, width=64, height=64)
    """
    whole = Rectangle(0, 0, width, height)
    if spec.resize == "none":
        return Fit(whole, whole)
    tensor = Rectangle(0, 0, spec.width, spec.height)
    if spec.resize == "crop":
        return Fit(_cut(height, width, spec), tensor)
    if spec.resize == "letterbox":
        return Fit(whole, _inner(height, width, spec))
    return Fit(whole, tensor)


def _cut(height: int, width: int, spec: ImageInput) -> Rectangle:
    if spec.shorter_side is None:
        scale = max(spec.height / height, spec.width / width)
    else:
        scale = spec.shorter_side / min(height, width)
    # Cut in the source, then resize once: the cut-away parts are never resampled.
    cut_height = min(height, max(1, round(spec.height / scale)))
    cut_width = min(width, max(1, round(spec.width / scale)))
    return Rectangle((width - cut_width) // 2, (height - cut_height) // 2, cut_width, cut_height)


def _inner(height: int, width: int, spec: ImageInput) -> Rectangle:
    scale = min(spec.height / height, spec.width / width)
    inner_height = min(spec.height, max(1, round(height * scale)))
    inner_width = min(spec.width, max(1, round(width * scale)))
    if spec.align == "top-left":
        return Rectangle(0, 0, inner_width, inner_height)
    left, top = (spec.width - inner_width) // 2, (spec.height - inner_height) // 2
    return Rectangle(left, top, inner_width, inner_height)


def _moved(boxes: NDArray[np.floating], old: Rectangle, new: Rectangle) -> NDArray[np.float32]:
    scale = np.array([new.width / old.width, new.height / old.height] * 2)
    offset = np.array([old.left, old.top] * 2)
    moved: NDArray[np.float64] = (np.asarray(boxes, np.float64) - offset) * scale
    moved += np.array([new.left, new.top] * 2)
    return moved.astype(np.float32)
