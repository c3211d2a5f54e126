"""Numbers to colours: one palette for sizes, one for sizes with a sign."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["AGAINST", "FOR", "diverging", "overlaid", "sequential"]

Colour = tuple[int, int, int]

#: Ends of the palette with a sign, blue, green, red: minus one and plus one.
AGAINST: Colour = (178, 98, 33)
FOR: Colour = (43, 39, 193)
_MIDDLE: Colour = (247, 246, 245)


def sequential(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colour values of 0..1, dark to bright (viridis), shape ``(H, W)`` to ``(H, W, 3)`` BGR.

    Examples
    --------
    >>> sequential(np.array([[0.0, 1.0]])).shape
    (1, 2, 3)
    """
    levels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_VIRIDIS), dtype=np.uint8)


def diverging(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colour values of -1..1, blue over white to red, shape ``(H, W)`` to ``(H, W, 3)`` BGR.

    Examples
    --------
    >>> diverging(np.array([[-1.0, 0.0, 1.0]]))[0].tolist() == [
    ...     list(AGAINST), [247, 246, 245], list(FOR)]
    True
    """
    clipped = np.clip(values, -1, 1)[..., None]
    ends = np.where(clipped < 0, np.array(AGAINST, float), np.array(FOR, float))
    mixed = np.array(_MIDDLE, float) + np.abs(clipped) * (ends - np.array(_MIDDLE, float))
    return np.asarray(np.rint(mixed), dtype=np.uint8)


def overlaid(picture: NDArray[np.uint8], values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Lay values of -1..1 over a picture made grey: the larger, the less of it shows through.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
        BGR.
    values : ndarray of float, shape (H, W)
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    # Paler than it is, so that colours read on black and on white.
    base = np.repeat((60 + 0.7 * grey.astype(float))[..., None], 3, axis=2)
    size = np.clip(np.abs(values), 0, 1)[..., None]
    ends = np.where(values[..., None] < 0, np.array(AGAINST, float), np.array(FOR, float))
    mixed = base + 0.8 * size**0.8 * (ends - base)
    return np.asarray(np.rint(np.clip(mixed, 0, 255)), dtype=np.uint8)
