"""Letters that OpenCV's typeface lacks or sets in the wrong order, drawn by Pillow if it is there.

OpenCV 5 has the letters of Latin, Greek, Cyrillic, Chinese, Japanese and Korean. Arabic and Hebrew
it would set from left to right, and for Thai, Devanagari and most others it has question marks; an
older OpenCV has ASCII alone.
"""

from __future__ import annotations

import os
import subprocess
import threading
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["Lettering", "lettering"]

#: First and last code point of what OpenCV 5 sets as it should be.
_SET_BY_OPENCV = (
    (0x0020, 0x024F), (0x0370, 0x052F), (0x1E00, 0x206F), (0x20A0, 0x22FF), (0x2E80, 0x9FFF),
    (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF),
)  # fmt: skip
_FONT = "EDGECNN_FONT"
_FIND_S = 5.0
#: What FreeType is asked by must not be asked by two threads at once.
_lock = threading.Lock()


@dataclass(frozen=True)
class Lettering:
    """A line of text, drawn.

    Attributes
    ----------
    mask : ndarray of uint8, shape (H, W)
        How much of each pixel is ink.
    left, top : int
        Where it begins, from the point on the baseline where the line starts.
    width : float
        How far the next line would begin.
    """

    mask: NDArray[np.uint8]
    left: int
    top: int
    width: float

    def write(
        self, canvas: NDArray[np.uint8], at: tuple[int, int], colour: tuple[int, int, int]
    ) -> None:
        """Draw it into a picture; what lies beyond the edges is cut off."""
        x, y = at[0] + self.left, at[1] + self.top
        across, down = max(0, -x), max(0, -y)
        mask = self.mask[down : canvas.shape[0] - y, across : canvas.shape[1] - x]
        if not mask.size:
            return
        part = canvas[y + down : y + down + mask.shape[0], x + across : x + across + mask.shape[1]]
        share = mask[..., None].astype(np.float32) / 255
        part[:] = (part * (1 - share) + np.array(colour, np.float32) * share).round()


@lru_cache(maxsize=512)
def lettering(text: str, size: int) -> Lettering | None:
    """Draw a text that OpenCV would not set as it should be.

    Parameters
    ----------
    text : str
        One line.
    size : int
        Pixels.

    Returns
    -------
    Lettering or None
        None where OpenCV can do it, or nothing here can: there is no Pillow, or no typeface with
        these letters. The file that ``EDGECNN_FONT`` names comes first, then what fontconfig finds.
    """
    letters = frozenset(letter for letter in text if not _is_plain(letter))
    if not letters:
        return None
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        return None
    with _lock:
        font = _font(letters, size)
        if font is None:
            return None
        left, top, right, bottom = (round(edge) for edge in font.getbbox(text, anchor="ls"))
        # The outermost row and column may hold a little ink.
        left, top, right, bottom = left - 1, top - 1, right + 1, bottom + 1
        image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
        ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font, anchor="ls")
        return Lettering(np.asarray(image), left, top, font.getlength(text))


def _is_plain(letter: str) -> bool:
    code = ord(letter)
    if not hasattr(cv2, "FontFace"):
        return code < 128
    return any(first <= code <= last for first, last in _SET_BY_OPENCV)


def _font(letters: frozenset[str], size: int) -> FreeTypeFont | None:
    from PIL import ImageFont, features

    # Without it letters are neither joined nor put in order, which is worse than none.
    if not features.check("raqm") and any(_runs_or_joins(letter) for letter in letters):
        return None
    for path in (os.environ.get(_FONT), _found(letters)):
        if path:
            try:
                return ImageFont.truetype(path, size)
            except OSError:
                continue
    return None


def _runs_or_joins(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in ("R", "AL") or unicodedata.combining(letter) > 0


@lru_cache(maxsize=512)
def _found(letters: frozenset[str]) -> str | None:
    """Return the file of a typeface that has these letters, a plain one if there is a choice."""
    wanted = " ".join(f"{ord(letter):x}" for letter in sorted(letters))
    try:
        done = subprocess.run(
            ["fc-list", "-f", "%{file}\t%{style}\t%{spacing}\n", f":charset={wanted}"],
            capture_output=True,
            text=True,
            timeout=_FIND_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    files = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2]
    scalable = [each for each in files if each[0].lower().endswith((".ttf", ".otf", ".ttc"))]
    return min(scalable, key=_how_odd)[0] if scalable else None


def _how_odd(found: list[str]) -> tuple[bool, bool, bool, str]:
    path, style, spacing = found
    name = path.rpartition("/")[2].lower()
    plain = any(word in style.lower() for word in ("medium", "regular", "book"))
    return "sans" not in name, spacing == "100" or "mono" in name, not plain, name
