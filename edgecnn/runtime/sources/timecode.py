"""A frame's number and time, written into its pixels so that they can be read back at the far end.

A column of light and dark blocks at the right edge carries 96 bits, most significant first, column
by column: frame number (32), milliseconds (40), and 24 bits of a CRC-32 over the two. It survives
JPEG, video codecs and scaling, and lies outside the square in the middle that many models look at.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["TimeCode", "draw_timecode", "read_timecode"]

_COLUMNS, _ROWS = 3, 32
_NUMBER_BITS, _TIME_BITS, _CHECK_BITS = 32, 40, 24
#: Blocks are as wide as high, and so many of them make the picture's height.
_BLOCKS_HIGH = 40
_FIRST_ROW = 2.5
_DARK, _LIGHT = 12, 235
#: Less contrast between the darkest and the lightest block than this is no time code.
_LEAST_CONTRAST = 48
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, slots=True)
class TimeCode:
    """What is written into a picture.

    Attributes
    ----------
    frame : int
        Number of the picture, from 0.
    time_ms : int
        Milliseconds since the camera started.
    """

    frame: int
    time_ms: int


def draw_timecode(canvas: NDArray[np.uint8], code: TimeCode) -> None:
    """Write a time code along the right edge of a picture, and its digits above and below.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (H, W, 3)
        Drawn into. At least 160 pixels high, or blocks are too small to survive a codec.
    code : TimeCode
    """
    x, y = _edges(*canvas.shape[:2])
    frame = code.frame % 2**_NUMBER_BITS
    bits = _bits(frame, code.time_ms % 2**_TIME_BITS)
    for place, bit in enumerate(bits):
        column, row = divmod(place, _ROWS)
        level = _LIGHT if bit else _DARK
        canvas[y[row] : y[row + 1], x[column] : x[column + 1]] = level
    _write(canvas, f"{code.frame:06d}", 1.7)
    _write(canvas, f"{code.time_ms / 1000:.3f}", _FIRST_ROW + _ROWS + 1.8)


def read_timecode(picture: NDArray[Any]) -> TimeCode | None:
    """Read the time code of a picture.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3) or (H, W)
        As it was drawn, or after compression, scaling, or an overlay that leaves the edge free.

    Returns
    -------
    TimeCode or None
        None where there is none, or it is damaged.

    Examples
    --------
    >>> picture = np.zeros((240, 320, 3), np.uint8)
    >>> draw_timecode(picture, TimeCode(frame=17, time_ms=567))
    >>> read_timecode(picture)
    TimeCode(frame=17, time_ms=567)
    """
    if picture.ndim not in (2, 3) or picture.shape[0] < _BLOCKS_HIGH:
        return None
    x, y = _edges(*picture.shape[:2])
    if x[0] < 0:
        return None
    levels = np.empty(_COLUMNS * _ROWS)
    for place in range(levels.size):
        column, row = divmod(place, _ROWS)
        # The middle of a block: its edges are blurred.
        top, bottom = _middle(y[row], y[row + 1])
        left, right = _middle(x[column], x[column + 1])
        levels[place] = picture[top:bottom, left:right].mean()
    low, high = float(levels.min()), float(levels.max())
    if high - low < _LEAST_CONTRAST:
        return None
    word = int("".join("1" if level > (low + high) / 2 else "0" for level in levels), 2)
    rest, check = divmod(word, 2**_CHECK_BITS)
    frame, time_ms = divmod(rest, 2**_TIME_BITS)
    return TimeCode(frame, time_ms) if check == _check(frame, time_ms) else None


def _edges(height: int, width: int) -> tuple[list[int], list[int]]:
    """Return where columns and rows of blocks begin and end."""
    block = height / _BLOCKS_HIGH
    x = [round(width - (_COLUMNS + 1 - i) * block) for i in range(_COLUMNS + 1)]
    y = [round((_FIRST_ROW + i) * block) for i in range(_ROWS + 1)]
    return x, y


def _middle(start: int, stop: int) -> tuple[int, int]:
    inset = (stop - start) // 4
    return start + inset, stop - inset


def _check(frame: int, time_ms: int) -> int:
    checksum = zlib.crc32(frame.to_bytes(4) + time_ms.to_bytes(5))
    return checksum & (1 << _CHECK_BITS) - 1


def _bits(frame: int, time_ms: int) -> list[bool]:
    word = (frame << _TIME_BITS | time_ms) << _CHECK_BITS | _check(frame, time_ms)
    size = _COLUMNS * _ROWS
    return [bool(word >> (size - 1 - i) & 1) for i in range(size)]


def _write(canvas: NDArray[np.uint8], text: str, row: float) -> None:
    """Write digits for people, right-aligned, with their baseline at a row of blocks."""
    height, width = canvas.shape[:2]
    block = height / _BLOCKS_HIGH
    scale = block / 26
    (wide, _), _ = cv2.getTextSize(text, _FONT, scale, 1)
    at = (round(width - 0.6 * block - wide), round(row * block))
    cv2.putText(canvas, text, at, _FONT, scale, (_LIGHT,) * 3, 1, cv2.LINE_AA)
