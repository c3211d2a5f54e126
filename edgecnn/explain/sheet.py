"""A sheet of paper to draw on: white, with text, tiles and bars; saved as PNG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.palette import AGAINST, FOR, diverging, sequential
from edgecnn.runtime.overlay import text_width, write_fitted, write_text

__all__ = ["FAINT", "INK", "MARGIN", "RULE", "SOFT", "WIDTH", "Sheet", "enlarged"]

Colour = tuple[int, int, int]
Picture = NDArray[np.uint8]

WIDTH = 1600
MARGIN = 48
INK: Colour = (44, 38, 34)
SOFT: Colour = (122, 112, 104)
FAINT: Colour = (190, 184, 178)
RULE: Colour = (226, 222, 218)


class Sheet:
    """Paper that grows downwards as far as it is drawn on.

    Parameters
    ----------
    title, subtitle : str
        Written at the top.
    width : int
        Pixels.
    """

    def __init__(self, title: str, subtitle: str = "", *, width: int = WIDTH) -> None:
        self.width = width
        self._canvas = np.full((400, width, 3), 255, dtype=np.uint8)
        self.bottom = 0
        self.text(title, MARGIN, 70, size=38)
        if subtitle:
            self.text(subtitle, MARGIN, 108, size=22, colour=SOFT)
        self.bottom = 140

    def text(
        self,
        text: str,
        x: float,
        y: float,
        *,
        size: float = 20,
        colour: Colour = INK,
        room: float | None = None,
        align: str = "left",
    ) -> None:
        """Write a line: ``y`` is its baseline; cut to ``room`` pixels with an ellipsis."""
        room = self.width - MARGIN - x if room is None and align == "left" else room
        if align != "left":
            drawn = min(text_width(text, size), room or self.width)
            x -= drawn if align == "right" else drawn / 2
        self._reach(y + size / 2)
        if room is None:
            write_text(self._canvas, text, (x, y), size=size, colour=colour)
        else:
            write_fitted(self._canvas, text, (x, y), room + 1, size=size, colour=colour)

    def paste(self, picture: Picture, x: float, y: float, *, frame: bool = True) -> None:
        """Put a picture, shape ``(H, W, 3)`` BGR, with its upper left corner at ``x, y``."""
        left, top = round(x), round(y)
        height, width = picture.shape[:2]
        self._reach(top + height + 1)
        if frame:
            self._canvas[top - 1 : top + height + 1, left - 1 : left + width + 1] = RULE
        self._canvas[top : top + height, left : left + width] = picture

    def fill(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self._reach(y + height)
        self._canvas[round(y) : round(y + height), round(x) : round(x + width)] = colour

    def line(self, points: NDArray[np.floating], colour: Colour, thickness: int = 2) -> None:
        """Draw a line through points, shape ``(n, 2)``: x and y."""
        self._reach(float(points[:, 1].max()) + thickness)
        fixed = np.rint(points * 16).astype(np.int32)
        cv2.polylines(self._canvas, [fixed], False, colour, thickness, cv2.LINE_AA, 4)  # noqa: FBT003

    def scale(self, x: float, y: float, low: float, high: float, *, signed: bool) -> None:
        """Draw a colour scale, 200 pixels wide, its numbers beside it; ``x`` is its right end."""
        ramp = np.linspace(-1 if signed else 0, 1, 200)[None].repeat(14, axis=0)
        after = f"{high:.3g}"
        right = x - text_width(after, 18) - 8
        self.paste(diverging(ramp) if signed else sequential(ramp), right - 200, y - 13)
        self.text(after, right + 8, y, size=18, colour=SOFT)
        self.text(f"{low:.3g}", right - 208, y, size=18, colour=SOFT, align="right")

    def legend(self, x: float, y: float) -> None:
        """Say what red and blue mean where they lie over an input; ``x`` is the left end."""
        for colour, said in ((FOR, "speaks for it"), (AGAINST, "speaks against it")):
            self.fill(x, y - 14, 18, 18, colour)
            self.text(said, x + 28, y, size=20, colour=SOFT)
            x += 28 + text_width(said, 20) + 36

    @property
    def pixels(self) -> Picture:
        """What has been drawn on so far, shape ``(H, W, 3)`` BGR."""
        return self._canvas[: round(self.bottom)]

    def png(self) -> bytes:
        """Return the sheet as a PNG, with a margin below what is drawn."""
        self._reach(self.bottom)
        whole = self._canvas[: round(self.bottom) + MARGIN]
        _, encoded = cv2.imencode(".png", whole, [cv2.IMWRITE_PNG_COMPRESSION, 6])
        return encoded.tobytes()

    def _reach(self, y: float) -> None:
        """Make the paper long enough, and remember how far it is used."""
        self.bottom = max(self.bottom, round(y))
        missing = self.bottom + MARGIN + 1 - self._canvas.shape[0]
        if missing > 0:
            more = max(missing, self._canvas.shape[0] // 2)
            paper = np.full((more, self.width, 3), 255, dtype=np.uint8)
            self._canvas = np.concatenate([self._canvas, paper])


def enlarged(values: NDArray[np.floating], height: int, width: int) -> NDArray[np.float32]:
    """Bring a map to a size in pixels: values as squares where it grows, means where it shrinks.

    Parameters
    ----------
    values : ndarray of float, shape (h, w)
    """
    result = np.ascontiguousarray(values, dtype=np.float32)
    shrunk = (min(height, values.shape[0]), min(width, values.shape[1]))
    if shrunk != values.shape:
        result = np.asarray(
            cv2.resize(result, (shrunk[1], shrunk[0]), interpolation=cv2.INTER_AREA), np.float32
        )
    grown = cv2.resize(result, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(grown, dtype=np.float32).reshape(height, width)
