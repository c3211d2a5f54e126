"""The newest pictures of several sources side by side, for whoever looks at them."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.overlay import shade, text_width, write_fitted

__all__ = ["Mosaic"]

_TILE = (640, 480)
_SMALLER = (480, 360)
_DARK = 28


class Mosaic:
    """A grid with a place for each source; of one size from the first picture on.

    Parameters
    ----------
    names : sequence of str
        Of the sources.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}
        self._columns = math.ceil(math.sqrt(len(names)))
        self._width, self._height = _TILE if len(names) <= 4 else _SMALLER
        rows = -(-len(names) // self._columns)
        shape = (rows * self._height, self._columns * self._width, 3)
        self._lock = threading.Lock()
        self._canvas = np.full(shape, _DARK, np.uint8)

    def show(self, name: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put a source's picture in its place, and return the whole; not to be changed."""
        row, column = divmod(self._places[name], self._columns)
        height, width = picture.shape[:2]
        scale = min(self._width / width, self._height / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        tile = np.full((self._height, self._width, 3), _DARK, np.uint8)
        top, left = (self._height - size[1]) // 2, (self._width - size[0]) // 2
        tile[top : top + size[1], left : left + size[0]] = cv2.resize(
            picture, size, interpolation=way
        )
        self._caption(tile, name)
        with self._lock:
            # What was handed out belongs to whoever has it.
            canvas = self._canvas.copy()
            y, x = row * self._height, column * self._width
            canvas[y : y + self._height, x : x + self._width] = tile
            self._canvas = canvas
            return canvas

    def _caption(self, tile: NDArray[np.uint8], name: str) -> None:
        """Write the name at the upper right: the answer is at the upper left."""
        size, room = self._height / 26, 0.45 * self._width
        wide = min(text_width(name, size), room)
        at = (self._width - wide - 0.5 * size, 1.4 * size)
        shade(tile, at[0] - 0.5 * size, 0, wide + size, 2 * size)
        write_fitted(tile, name, at, room, size=size, colour=(205, 210, 214))
