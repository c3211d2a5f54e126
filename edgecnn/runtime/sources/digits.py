"""Ten digits as pen strokes, and one of them as a hand would write it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["DIGITS", "Handwriting", "draw_digit", "handwriting"]


def _arc(
    centre: tuple[float, float], radii: tuple[float, float], start: float, stop: float
) -> list[tuple[float, float]]:
    """Return points on an ellipse; degrees, clockwise from the right."""
    (x, y), (rx, ry) = centre, radii
    angles = np.radians(np.linspace(start, stop, max(6, int(abs(stop - start) / 8))))
    return [(x + rx * float(np.cos(a)), y + ry * float(np.sin(a))) for a in angles]


#: Strokes of each digit: points ``(x, y)`` in a box from -0.5 to 0.5, y downwards.
DIGITS: dict[str, tuple[list[tuple[float, float]], ...]] = {
    "0": (_arc((0.0, 0.0), (0.31, 0.5), -80, 280),),
    "1": ([(-0.14, -0.32), (0.04, -0.5), (0.04, 0.5)],),
    "2": (
        [
            *_arc((-0.01, -0.22), (0.29, 0.28), -160, 30),
            (0.1, 0.12),
            (-0.32, 0.5),
            (0.0, 0.47),
            (0.35, 0.48),
        ],
    ),
    "3": (
        [*_arc((-0.02, -0.25), (0.27, 0.25), -150, 80), (-0.05, 0.0)],
        _arc((-0.03, 0.24), (0.31, 0.26), -85, 150),
    ),
    "4": (
        [(-0.2, -0.5), (-0.32, 0.08), (0.34, 0.08)],
        [(0.2, -0.42), (0.16, 0.1), (0.14, 0.5)],
    ),
    "5": (
        [(0.3, -0.5), (-0.2, -0.48), (-0.25, -0.08), *_arc((-0.04, 0.2), (0.31, 0.29), -125, 140)],
    ),
    "6": (
        [
            (0.16, -0.5),
            (-0.08, -0.32),
            (-0.22, -0.04),
            *_arc((0.02, 0.23), (0.27, 0.27), -190, 170),
        ],
    ),
    "7": ([(-0.34, -0.46), (0.32, -0.47), (0.12, -0.05), (-0.06, 0.5)],),
    "8": (
        [
            *_arc((0.0, -0.26), (0.23, 0.24), 90, -90),
            *_arc((0.0, -0.26), (0.23, 0.24), -90, -270),
            *_arc((0.0, 0.24), (0.28, 0.26), -90, 270),
        ],
    ),
    "9": (
        [
            *_arc((-0.03, -0.22), (0.27, 0.27), 10, -350),
            (0.23, -0.2),
            (0.2, 0.12),
            (0.12, 0.5),
        ],
    ),
}


@dataclass(frozen=True)
class Handwriting:
    """How one digit is written.

    Attributes
    ----------
    height : float
        Of the digit, as a part of the picture's height.
    width : float
        Times the digit's own width.
    slant, turn : float
        Shear (x per y) and rotation in radians.
    x, y : float
        Centre, from the picture's centre, as parts of its height.
    pen : float
        Stroke width as a part of the digit's height.
    wobble : tuple of float
        Amplitudes (of the digit's height) and phases of the hand's slow waver.
    """

    height: float
    width: float
    slant: float
    turn: float
    x: float
    y: float
    pen: float
    wobble: tuple[float, float, float, float]


def handwriting(seed: int, place: int) -> Handwriting:
    """Return how the ``place``-th digit of a sequence is written: the same for the same seed."""
    random = np.random.default_rng([seed, place])
    spread = random.uniform(-1.0, 1.0, size=8)
    return Handwriting(
        height=0.68 + 0.04 * spread[0],
        width=0.95 + 0.1 * spread[1],
        slant=0.1 + 0.1 * spread[2],
        turn=0.05 * spread[3],
        x=0.02 * spread[4],
        y=0.015 * spread[5],
        pen=0.115 + 0.02 * spread[6],
        wobble=(
            0.012 * float(spread[7]),
            float(random.uniform(0.008, 0.016)),
            float(random.uniform(0, 2 * np.pi)),
            float(random.uniform(0, 2 * np.pi)),
        ),
    )


def draw_digit(
    canvas: NDArray[np.uint8], digit: str, hand: Handwriting, colour: tuple[int, int, int]
) -> None:
    """Draw a digit into a picture.

    Parameters
    ----------
    canvas : ndarray of uint8, shape (H, W, 3)
        Drawn into.
    digit : "0" to "9"
    hand : Handwriting
    colour : tuple of int
        Blue, green, red.
    """
    height, width = canvas.shape[:2]
    size = hand.height * height
    cosine, sine = np.cos(hand.turn), np.sin(hand.turn)
    for stroke in DIGITS[digit]:
        points = _smooth(np.asarray(stroke, dtype=np.float64))
        x, y = points[:, 0] * hand.width, points[:, 1]
        a, b, p, q = hand.wobble
        x, y = x + a * np.sin(5 * y + p) + b * np.sin(9 * y + q), y + b * np.sin(7 * x + p)
        x = x - hand.slant * y
        x, y = cosine * x - sine * y, sine * x + cosine * y
        at = np.stack(
            [width / 2 + hand.x * height + size * x, height / 2 + hand.y * height + size * y]
        )
        fixed = np.round(at.T * 16).astype(np.int32)
        cv2.polylines(
            canvas,
            [fixed],
            isClosed=False,
            color=colour,
            thickness=max(1, round(hand.pen * size)),
            lineType=cv2.LINE_AA,
            shift=4,
        )


def _smooth(points: NDArray[np.float64], spacing: float = 0.03) -> NDArray[np.float64]:
    """Round a stroke's corners a little, as a moving hand does."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    even = np.linspace(0, along[-1], max(4, int(along[-1] / spacing)))
    dense = np.stack([np.interp(even, along, points[:, axis]) for axis in (0, 1)], axis=1)
    inner = (dense[:-2] + 2 * dense[1:-1] + dense[2:]) / 4
    return np.concatenate([dense[:1], inner, dense[-1:]])
