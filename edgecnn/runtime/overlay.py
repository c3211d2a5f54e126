"""What is drawn over a picture: label, score bars, frame rate, latency, provider.

Everything scales with the picture, so that it reads the same on a thumbnail and on a 4K frame; a
picture too small to write on is enlarged first. OpenCV 5 has a typeface with some scripts in it,
older ones have letters of ASCII only; others are drawn by Pillow where it is installed, and are
question marks where it is not.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.lettering import lettering

__all__ = [
    "Reading",
    "badge",
    "draw_overlay",
    "enlarged",
    "shade",
    "text_width",
    "write_fitted",
    "write_text",
]

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

_LEAST_SIDE = 320
#: What remains narrower than this (a picture of one row) is continued in dark grey.
_LEAST_STRIP = 160
_WHITE: Colour = (255, 255, 255)
_SOFT: Colour = (205, 210, 214)
_ACCENT: Colour = (122, 214, 96)
_WARNING: Colour = (66, 176, 255)
_TRACK: Colour = (92, 88, 84)

#: A typeface object belongs to one thread at a time.
_local = threading.local()


@dataclass(frozen=True)
class Reading:
    """What the overlay says.

    Attributes
    ----------
    label, score : str, float
        The answer; no label where the picture itself is the answer.
    top : tuple of (label, score)
        Drawn as bars, at most five.
    unknown : bool
        There is no answer; ``reason`` is said below it.
    footer, corner : str
        Small text at the lower left and lower right.
    """

    label: str
    score: float
    top: tuple[tuple[str, float], ...] = ()
    unknown: bool = False
    reason: str = ""
    footer: str = ""
    corner: str = ""


def draw_overlay(picture: Picture, reading: Reading) -> Picture:
    """Draw a reading over a copy of a picture.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W, 3)
        BGR; not changed. One without pixels gives a dark picture that says so.
    reading : Reading

    Returns
    -------
    ndarray of uint8, shape (H', W', 3)
        The same size, or enlarged by a whole number to at least 320 pixels a side where that
        does not make the other side longer than 4096.
    """
    canvas, _ = enlarged(picture)
    height, width = canvas.shape[:2]
    # A wide strip is as high as it is; a tall one as wide as it is: the panel must fit both.
    unit = max(9.0, min(height / 22, width / 26))
    if reading.label or reading.top:
        _panel(canvas, reading, unit)
    _footer(canvas, reading, unit)
    return canvas


def badge(picture: Picture, text: str) -> Picture:
    """Return a copy of a picture with a few words above its footer."""
    canvas = picture.copy()
    height, width = canvas.shape[:2]
    unit = max(9.0, min(height / 22, width / 26))
    size, margin = 0.9 * unit, 0.6 * unit
    wide = min(text_width(text, size) + 1.2 * size, width - 2 * margin)
    top = max(0.0, height - 1.5 * unit - margin - 1.8 * size)
    shade(canvas, margin, top, wide, 1.8 * size)
    at = (margin + 0.6 * size, top + 1.25 * size)
    write_fitted(canvas, text, at, wide - 1.1 * size, size=size, colour=_WARNING)
    return canvas


def text_width(text: str, size: float, weight: int = 500) -> float:
    """Return how many pixels wide a text is drawn."""
    shaped = lettering(text, round(size))
    if shaped is not None:
        return shaped.width
    face = _face()
    if face is None:
        scale, thick = _hershey(size, weight)
        (width, _), _ = cv2.getTextSize(_ascii(text), cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        return float(width)
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), face, round(size), weight)
    return float(width)


def enlarged(picture: Picture) -> tuple[Picture, int]:
    """Return a copy of a picture, enlarged where it is too small to write on, and how many times.

    A picture without pixels gives a dark one; what stays a narrow strip is continued to the right
    or below.
    """
    if picture.size == 0:
        return np.full((480, 640, 3), 28, dtype=np.uint8), 1
    height, width = picture.shape[:2]
    times = -(-_LEAST_SIDE // min(height, width))
    if times <= 1:
        return picture.copy(), 1
    # A strip of one pixel's height must not become a picture of a million columns.
    times = min(times, max(1, 4096 // max(height, width)))
    repeated = np.repeat(np.repeat(picture, times, axis=0), times, axis=1)
    missing = [max(0, _LEAST_STRIP - side) for side in repeated.shape[:2]]
    padded = np.pad(repeated, ((0, missing[0]), (0, missing[1]), (0, 0)), constant_values=28)
    return np.ascontiguousarray(padded), times


def _panel(canvas: Picture, reading: Reading, unit: float) -> None:
    """Label and bars, upper left; as wide as its texts need, and the picture allows."""
    margin, pad, small = 0.6 * unit, 0.6 * unit, 0.9 * unit
    most = canvas.shape[1] - 2 * margin
    bars = reading.top[:5]
    score = "" if reading.unknown else f"{100 * reading.score:.0f} %"
    score_width = text_width(score, unit) + 0.5 * unit if score else 0.0
    names = max((text_width(label, small) for label, _ in bars), default=0.0) + 0.5 * unit
    names = min(names, 0.5 * most)
    reason = _lines(reading.reason, 0.55 * most, small) if reading.unknown else []
    wanted = (
        text_width(reading.label, 1.9 * unit) + score_width,
        max((text_width(line, small) for line in reason), default=0.0),
    )
    width = min(most, 2 * pad + max(*wanted, names + 4.5 * unit, 8 * unit))
    height = 2 * pad + 2.1 * unit + 1.2 * unit * len(reason) + 1.25 * unit * len(bars)
    shade(canvas, margin, margin, width, height)
    left, right = margin + pad, margin + width - pad
    baseline = margin + pad + 1.55 * unit
    colour = _WARNING if reading.unknown else _WHITE
    room = right - left - score_width
    write_fitted(canvas, reading.label, (left, baseline), room, size=1.9 * unit, colour=colour)
    if score:
        at = (right - text_width(score, unit), baseline)
        write_text(canvas, score, at, size=unit, colour=_SOFT)
    for line in reason:
        baseline += 1.2 * unit
        write_fitted(canvas, line, (left, baseline), right - left, size=small, colour=_SOFT)
    for rank, (label, value) in enumerate(bars):
        baseline += 1.25 * unit
        write_fitted(canvas, label, (left, baseline), names - 0.4 * unit, size=small, colour=_SOFT)
        track = (left + names, baseline - 0.6 * unit, right - left - names, 0.5 * unit)
        _fill(canvas, track, _TRACK)
        if value > 0:
            best = rank == 0 and not reading.unknown
            filled = (*track[:2], max(1.0, track[2] * min(value, 1.0)), track[3])
            _fill(canvas, filled, _ACCENT if best else _SOFT)


def _lines(text: str, room: float, size: float) -> list[str]:
    """Break a text into two lines where it is wider than ``room``, so that the picture is seen."""
    words = text.split()
    if text_width(text, size) <= room or len(words) < 2:
        return [text] if text else []

    def wider(place: int) -> float:
        halves = (" ".join(words[:place]), " ".join(words[place:]))
        return max(text_width(half, size) for half in halves)

    place = min(range(1, len(words)), key=wider)
    return [" ".join(words[:place]), " ".join(words[place:])]


def _footer(canvas: Picture, reading: Reading, unit: float) -> None:
    """Figures along the lower edge."""
    if not reading.footer and not reading.corner:
        return
    height, width = canvas.shape[:2]
    strip = 1.5 * unit
    shade(canvas, 0, height - strip, width, strip)
    size, baseline, margin = 0.85 * unit, height - 0.5 * unit, 0.7 * unit
    corner = text_width(reading.corner, size, 500)
    room = width - 2 * margin - corner - unit
    write_fitted(canvas, reading.footer, (margin, baseline), room, size=size, colour=_SOFT)
    write_text(canvas, reading.corner, (width - margin - corner, baseline), size=size, colour=_SOFT)


def shade(canvas: Picture, x: float, y: float, width: float, height: float) -> None:
    """Darken a rectangle so that light text reads on any picture."""
    part = canvas[round(y) : round(y + height), round(x) : round(x + width)]
    if part.size:
        cv2.addWeighted(part, 0.3, np.full_like(part, 20), 0.7, 0, dst=part)


def _fill(canvas: Picture, rectangle: tuple[float, float, float, float], colour: Colour) -> None:
    x, y, width, height = rectangle
    canvas[round(y) : round(y + height), round(x) : round(x + width)] = colour


def write_fitted(
    canvas: Picture, text: str, at: tuple[float, float], room: float, *, size: float, colour: Colour
) -> None:
    """Write a text no wider than ``room``, cut with an ellipsis where it must be."""
    # A panel is made as wide as its text, and sums of fractions do not come out even.
    if text_width(text, size) > room + 0.5:
        dots = "…" if _face() is not None else "..."
        while text and text_width(text + dots, size) > room:
            text = text[:-1]
        text += dots
    write_text(canvas, text, at, size=size, colour=colour)


def write_text(
    canvas: Picture, text: str, at: tuple[float, float], *, size: float, colour: Colour
) -> None:
    """Write a line of text into a picture: ``at`` is where it starts, on the baseline."""
    if not text:
        return
    origin = (round(at[0]), round(at[1]))
    shaped = lettering(text, round(size))
    if shaped is not None:
        shaped.write(canvas, origin, colour)
        return
    face = _face()
    if face is None:
        scale, thick = _hershey(size, 500)
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(canvas, _ascii(text), origin, font, scale, colour, thick, cv2.LINE_AA)
    else:
        # Alignment flag 0: from the left; wrapping is never wanted.
        cv2.putText(canvas, text, origin, colour, face, round(size), 500)


def _face() -> Any:
    """Return this thread's typeface, None where OpenCV has none."""
    if not hasattr(cv2, "FontFace"):
        return None
    if not hasattr(_local, "face"):
        _local.face = cv2.FontFace("sans")
    return _local.face


def _hershey(size: float, weight: int) -> tuple[float, int]:
    return size / 30, max(1, round(size * weight / 9000))


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()
