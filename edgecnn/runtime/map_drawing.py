"""Draws where the evidence for a class lies over a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.fit import fit_of

__all__ = ["draw_map"]

Picture = NDArray[np.uint8]

#: Blue, green, red: speaks for the class, and against it.
_FOR, _AGAINST = (43, 39, 193), (178, 98, 33)
_STRONGEST = 0.75
#: A map is enlarged smoothly to about this, and quickly from there on.
_FINE = 160
#: What the network does not see is darker.
_UNSEEN = 0.45


def draw_map(picture: Picture, values: NDArray[np.float32], spec: ImageInput) -> Picture:
    """Lay a class's map over a picture made grey: red speaks for the class, blue against it.

    The strongest colour is the map's largest value. What the network does not see is darkened.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
        BGR; not changed.
    values : ndarray of float32, shape (h, w)
        Over the network's whole input.
    spec : ImageInput

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    fit = fit_of(picture.shape[0], picture.shape[1], spec)
    source, target = fit.source, fit.target
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    made = cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=_UNSEEN), cv2.COLOR_GRAY2BGR)
    rows = slice(source.top, source.top + source.height)
    columns = slice(source.left, source.left + source.width)
    seen = cv2.cvtColor(grey[rows, columns], cv2.COLOR_GRAY2BGR)
    values = _part(
        values,
        target.top / spec.height,
        target.left / spec.width,
        target.height / spec.height,
        target.width / spec.width,
    )
    tint, through = (
        cv2.resize(layer, (seen.shape[1], seen.shape[0]), interpolation=cv2.INTER_LINEAR)
        for layer in _layers(values)
    )
    # In 8 bits: in floating point it would take longer than the network.
    made[rows, columns] = cv2.add(cv2.multiply(seen, through, scale=1 / 255), tint)
    return np.asarray(made, dtype=np.uint8)


def _layers(values: NDArray[np.float32]) -> tuple[Picture, Picture]:
    """Return the colours, weighted, and how much of the picture shows through them, both small."""
    largest = float(np.abs(values).max()) or 1.0
    height, width = values.shape
    times = max(1, _FINE // max(height, width))
    fine = cv2.resize(
        values / largest, (times * width, times * height), interpolation=cv2.INTER_CUBIC
    )
    weight = np.clip(np.abs(fine), 0, 1)[..., None] * _STRONGEST
    colour = np.where(fine[..., None] > 0, np.array(_FOR), np.array(_AGAINST))
    through = np.repeat(255 * (1 - weight), 3, axis=2)
    return (
        np.rint(colour * weight).astype(np.uint8),
        np.rint(through).astype(np.uint8),
    )


def _part(
    values: NDArray[np.float32], top: float, left: float, height: float, width: float
) -> NDArray[np.float32]:
    """Cut a map to a part of it, given as shares: the rest is padding."""
    rows, columns = values.shape
    first, start = int(top * rows), int(left * columns)
    last = max(first + 1, round((top + height) * rows))
    end = max(start + 1, round((left + width) * columns))
    return values[first:last, start:end]
