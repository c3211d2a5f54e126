"""One drawn scene: handwritten digits of any size and colour on a photo.

A scene follows from its random generator alone. What varies is what a camera varies: the picture's
shape, the ground, light, and of each digit size, place, turn, slant, stroke, colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.objects import Objects
from edgecnn.preprocessing.image import resize_area

__all__ = ["SIZES", "Scene", "draw_scene"]

Picture = NDArray[np.uint8]

#: Height and width in pixels of the pictures drawn: landscape, square, portrait.
SIZES = ((192, 256), (208, 208), (144, 256), (256, 192))

_MOST_DIGITS = 6
#: A digit's height, as a share of the picture's shorter side: evenly over its logarithm.
_SMALLEST, _LARGEST = 0.2, 0.75
#: Of two digits' boxes, the share of the smaller that the other may cover.
_MOST_COVERED = 0.15
#: Least difference in grey levels between a digit and the ground around it.
_LEAST_CONTRAST = 70
#: Shares of scenes on a drawn ground and of digits on a patch of their own.
_DRAWN_GROUNDS, _PATCHES = 0.12, 0.15


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture (uint8, BGR, shape ``(H, W, 3)``) and what it holds, in its own pixels."""

    picture: Picture
    objects: Objects


def draw_scene(
    random: np.random.Generator,
    digits: Picture,
    labels: NDArray[np.int64],
    photos: Sequence[Picture],
) -> Scene:
    """Draw a scene.

    Parameters
    ----------
    random : numpy.random.Generator
    digits : ndarray of uint8, shape (N, 28, 28)
        White on black.
    labels : ndarray of int64, shape (N,)
    photos : sequence of ndarray of uint8, shape (H, W, 3)
        Grounds; without any, all grounds are drawn.
    """
    height, width = SIZES[random.choice(len(SIZES), p=(0.55, 0.15, 0.15, 0.15))]
    picture = _ground(random, photos, height, width)
    count = int(random.choice(_MOST_DIGITS + 1, p=(0.03, 0.22, 0.2, 0.18, 0.15, 0.12, 0.1)))
    boxes: list[tuple[float, float, float, float]] = []
    found: list[int] = []
    for _ in range(count):
        number = int(random.integers(len(digits)))
        # Many digits share the room: the more there are, the smaller is the largest.
        largest = _LARGEST / (1 + 0.25 * (count - 1))
        share = _SMALLEST * (largest / _SMALLEST) ** random.random()
        mask = _glyph(random, digits[number], share * min(height, width))
        if mask.shape[0] >= height - 2 or mask.shape[1] >= width - 2:
            continue
        margin = _margin(random, mask.shape[0]) if random.random() < _PATCHES else 0
        for _ in range(8):
            top = int(random.integers(1, height - mask.shape[0]))
            left = int(random.integers(1, width - mask.shape[1]))
            box = (left, top, left + mask.shape[1], top + mask.shape[0])
            around = (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
            if all(_covered(around, other) <= _MOST_COVERED for other in boxes):
                if margin:
                    _patch(random, picture, around)
                _paint(random, picture, mask, left, top)
                boxes.append(box)
                found.append(int(labels[number]))
                break
    picture = _camera(random, picture)
    return Scene(
        picture,
        Objects(np.array(boxes, dtype=np.float32).reshape(-1, 4), np.array(found, dtype=np.int64)),
    )


def _ground(
    random: np.random.Generator, photos: Sequence[Picture], height: int, width: int
) -> Picture:
    """Cut a part of a photo, perhaps mirrored and in other light; or draw a plain ground."""
    if not len(photos) or random.random() < _DRAWN_GROUNDS:
        return _drawn_ground(random, height, width)
    photo = photos[int(random.integers(len(photos)))]
    limit = min(photo.shape[0] / height, photo.shape[1] / width)
    scale = limit * random.uniform(0.5, 1.0)
    cut_height, cut_width = max(1, int(height * scale)), max(1, int(width * scale))
    top = int(random.integers(photo.shape[0] - cut_height + 1))
    left = int(random.integers(photo.shape[1] - cut_width + 1))
    ground = resize_area(photo[top : top + cut_height, left : left + cut_width], height, width)
    if random.random() < 0.5:
        ground = cv2.flip(ground, 1).astype(np.uint8, copy=False)
    levels = np.arange(256) * random.uniform(0.5, 1.2) + random.uniform(-25, 25)
    return cv2.LUT(ground, np.clip(levels, 0, 255).astype(np.uint8)).astype(np.uint8, copy=False)


def _drawn_ground(random: np.random.Generator, height: int, width: int) -> Picture:
    """Draw a slope from one colour to another, most often dark or light as paper is."""
    ends = random.choice((random.uniform(0, 60), random.uniform(170, 255), random.uniform(0, 255)))
    corners = ends + random.uniform(-30, 30, size=(2, 2, 3))
    slope = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = random.integers(-4, 5, size=(height, width, 1))
    drawn: Picture = np.clip(slope + noise, 0, 255).astype(np.uint8)
    return drawn


def _glyph(random: np.random.Generator, digit: Picture, height: float) -> Picture:
    """Return a digit's mask of about that height, turned, slanted and cut to its ink."""
    rows = np.flatnonzero(digit.max(axis=1) > 96)
    columns = np.flatnonzero(digit.max(axis=0) > 96)
    if not rows.size:
        return np.zeros((1, 1), dtype=np.uint8)
    ink = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = height / ink.shape[0]
    stretch = random.uniform(0.8, 1.25)
    turn = random.uniform(-0.25, 0.25)
    slant = random.uniform(-0.2, 0.2)
    side = int(np.ceil(1.6 * max(height, ink.shape[1] * scale * stretch))) + 8
    cosine, sine = np.cos(turn), np.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.array([[stretch, slant], [0, 1]])
    matrix *= scale
    centre = np.array([(ink.shape[1] - 1) / 2, (ink.shape[0] - 1) / 2])
    shift = side / 2 - matrix @ centre
    drawn = cv2.warpAffine(
        ink, np.column_stack([matrix, shift]), (side, side), flags=cv2.INTER_LINEAR
    )
    # Enlarging blurs: sharper or softer edges are drawn by steepening the ramp between them.
    steep = random.uniform(1.2, 1.2 + max(0.3, scale))
    bolder = random.uniform(-30, 30)
    mask: Picture = np.clip((drawn + bolder - 127.5) * steep + 127.5, 0, 255).astype(np.uint8)
    left, top, width, tall = cv2.boundingRect((mask > 127).astype(np.uint8))
    if not width:
        return np.zeros((1, 1), dtype=np.uint8)
    return mask[top : top + tall, left : left + width]


def _margin(random: np.random.Generator, height: int) -> int:
    return int(random.integers(2, 3 + round(0.25 * height)))


def _patch(random: np.random.Generator, picture: Picture, box: tuple[int, ...]) -> None:
    """Lay a plain patch where a digit is going to be: a label, a note."""
    left, top, right, bottom = (max(0, edge) for edge in box)
    paper = np.full(3, random.choice((random.integers(0, 30), random.integers(220, 256))))
    colour = random.integers(0, 256, size=3) if random.random() < 0.5 else paper
    picture[top:bottom, left:right] = colour


def _paint(
    random: np.random.Generator, picture: Picture, mask: Picture, left: int, top: int
) -> None:
    """Paint a digit into the picture in a colour that stands out there."""
    part = picture[top : top + mask.shape[0], left : left + mask.shape[1]]
    colour = _colour(random, part).astype(np.float32)
    alpha = mask[:, :, None].astype(np.float32) * np.float32(random.uniform(0.85, 1.0) / 255)
    part[...] = np.rint(part + alpha * (colour - part)).astype(np.uint8)


def _colour(random: np.random.Generator, part: Picture) -> NDArray[np.int64]:
    """Draw a colour whose grey level differs from that around it."""
    around = float(part.mean())
    for _ in range(10):
        colour = random.integers(0, 256, size=3)
        if random.random() < 0.5:
            colour[:] = colour[0]
        grey = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
        if abs(grey - around) >= _LEAST_CONTRAST:
            return colour
    return np.full(3, 255 if around < 128 else 0)


def _covered(box: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the share of the smaller of two boxes that the other covers."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return width * height / min(areas)


def _camera(random: np.random.Generator, picture: Picture) -> Picture:
    """Blur some pictures a little and add sensor noise to some, as lenses and sensors do."""
    if random.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.4, 1.4)).astype(
            np.uint8, copy=False
        )
    if random.random() < 0.4:
        height, width = picture.shape[:2]
        noise = _noise()
        top = int(random.integers(noise.shape[0] - height + 1))
        left = int(random.integers(noise.shape[1] - width + 1))
        strength = np.float32(random.uniform(1.0, 7.0))
        shaken = picture + strength * noise[top : top + height, left : left + width, None]
        picture = np.clip(shaken, 0, 255).astype(np.uint8)
    return picture


@cache
def _noise() -> NDArray[np.float32]:
    """Return a field of noise to cut from: drawing it anew for every scene takes half its time."""
    return np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
