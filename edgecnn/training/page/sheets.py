"""Tensors as small pictures, as large as they have values; the browser enlarges them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.explain.palette import diverging, sequential
from edgecnn.metadata import ImageInput

__all__ = ["Form", "Maps", "as_png", "colour_maps", "input_picture", "keep_maps", "weight_sheet"]

#: ``tiles`` lie side by side, a ``strip`` is a row of units, ``heat`` has time or inputs to the
#: right.
Form = Literal["tiles", "strip", "heat"]

_IN_A_ROW = 8
_MOST_TILES = 16
_MOST_UNITS = 512
_MOST_ROWS, _MOST_COLUMNS = 32, 128
#: Pixels of a map's or an input's side.
_TILE = 32
_INPUT = 112
_WHOLE = 255


@dataclass(frozen=True)
class Maps:
    """What a layer gives for some examples, made small.

    Attributes
    ----------
    form : Form
    shape : tuple of int
        Of the layer's whole output for one example.
    values : ndarray of float32
        ``(N, maps, h, w)`` for tiles, ``(N, channels, time)`` for heat, ``(N, units)`` for a strip.
    low, high : float
        Range of the whole output.
    """

    form: Form
    shape: tuple[int, ...]
    values: NDArray[np.float32]
    low: float
    high: float

    @property
    def shown(self) -> str:
        """How much of the layer is there, in words; empty if it is all of it."""
        name = {"tiles": "maps", "heat": "channels", "strip": "units"}[self.form]
        return _part(self.values.shape[1], self.shape[0], name)


def keep_maps(output: torch.Tensor, *, time_first: bool = False) -> Maps | None:
    """Keep as much of a layer's output as a small picture shows; None for what has no picture.

    Parameters
    ----------
    output : tensor, shape (N, C, H, W), (N, C, T) or (N, units)
    time_first : bool
        Whether the shape is ``(N, T, C)``, as of recurrent layers.
    """
    values = output.detach()
    if not values.is_floating_point() or values.numel() == 0 or values.ndim not in (2, 3, 4):
        return None
    if time_first and values.ndim == 3:
        values = values.transpose(1, 2)
    if values.ndim > 2 and max(values.shape[2:]) == 1:
        values = values.flatten(1)
    low, high = (float(each) for each in torch.aminmax(values))
    shape = tuple(values.shape[1:])
    form: Form
    if values.ndim == 4:
        form, values = "tiles", values[:, :_MOST_TILES].float()
        size = (min(_TILE, values.shape[2]), min(_TILE, values.shape[3]))
        if size != values.shape[2:]:
            values = torch.nn.functional.adaptive_avg_pool2d(values, size)
    elif values.ndim == 3:
        form, values = "heat", values[:, :_MOST_ROWS].float()
        length = min(_MOST_COLUMNS, values.shape[2])
        if length != values.shape[2]:
            values = torch.nn.functional.adaptive_avg_pool1d(values, length)
    else:
        form, values = "strip", values[:, :_MOST_UNITS].float()
    return Maps(form, shape, _numbers(values), low, high)


def colour_maps(maps: Maps) -> list[str]:
    """Return a picture per example: dark to bright, or blue to red where values have a sign."""
    values = maps.values
    # One scale, so that examples compare.
    pixels = _coloured(values / _extent(values), signed=maps.low < 0)
    if maps.form == "tiles":
        pixels = _tiled(pixels)
    elif maps.form == "strip":
        pixels = _wrapped(pixels)
    return [as_png(picture) for picture in pixels]


def weight_sheet(weight: torch.Tensor) -> tuple[Form, str, str]:
    """Draw weights or their gradient, blue for negative and red for positive values.

    Kernels with three channels, which look at colours, are drawn in colour: grey is zero.

    Parameters
    ----------
    weight : tensor, two axes or more

    Returns
    -------
    form : Form
    shown : str
        How much is drawn; empty if it is all.
    picture : str
        A ``data:`` URI.
    """
    values = weight.detach()
    if values.ndim == 4 and max(values.shape[2:]) > 1:
        return _kernels(values)
    rows = values.flatten(1)
    part = _numbers(rows[:_MOST_ROWS, :_MOST_COLUMNS])
    whole = f"{rows.shape[0]} × {rows.shape[1]}"
    shown = f"{part.shape[0]} × {part.shape[1]} of {whole}" if part.size < rows.numel() else ""
    return "heat", shown, as_png(_coloured(part / _extent(part), signed=True))


def input_picture(tensor: NDArray[np.float32], spec: ImageInput) -> str:
    """Undo the preprocessing of a picture, but for its size; returns a ``data:`` URI.

    Parameters
    ----------
    tensor : ndarray of float32, in the layout of the contract
    """
    planes = tensor if spec.layout == "NHWC" else tensor.transpose(1, 2, 0)
    pixels = (planes * np.asarray(spec.std) + np.asarray(spec.mean)) / spec.scale
    picture = np.rint(np.clip(pixels, 0, _WHOLE)).astype(np.uint8)
    if spec.colour == "rgb":
        picture = picture[..., ::-1]
    height, width = picture.shape[:2]
    if max(height, width) > _INPUT:
        factor = _INPUT / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        shrunk = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)
        picture = np.asarray(shrunk, dtype=np.uint8)
    return as_png(np.ascontiguousarray(picture))


def as_png(picture: NDArray[np.uint8]) -> str:
    """Return a picture, grey, BGR or BGRA, as a ``data:`` URI."""
    _, encoded = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode()


def _kernels(values: torch.Tensor) -> tuple[Form, str, str]:
    outputs, inputs = values.shape[:2]
    if inputs in (1, 3):
        part = _numbers(values[:_MOST_TILES])
        part = part / _extent(part)
        if inputs == 3:
            colours = np.clip(127.5 + 127.5 * part[:, ::-1].transpose(0, 2, 3, 1), 0, _WHOLE)
            drawn = np.full((*colours.shape[:3], 4), _WHOLE, np.uint8)
            drawn[..., :3] = np.rint(colours)
        else:
            drawn = _coloured(part[:, 0], signed=True)
        return "tiles", _part(len(part), outputs, "kernels"), as_png(_tiled(drawn[None])[0])
    part = _numbers(values[:_IN_A_ROW, :_IN_A_ROW])
    drawn = _coloured(part / _extent(part), signed=True).reshape(-1, *part.shape[2:], 4)
    shown = f"{part.shape[0]} × {part.shape[1]} of {outputs} × {inputs} kernels"
    whole = part.shape[:2] == (outputs, inputs)
    return "tiles", "" if whole else shown, as_png(_tiled(drawn[None], part.shape[1])[0])


def _numbers(values: torch.Tensor) -> NDArray[np.float32]:
    """Copy values; those of a network that diverges may be no numbers."""
    numbers = np.nan_to_num(values.float().numpy(), posinf=0.0, neginf=0.0)
    return np.asarray(numbers, dtype=np.float32)


def _extent(values: NDArray[np.float32]) -> float:
    """Return the size that the colours end at: a single outlier would make all else look alike."""
    sizes = np.abs(values)
    return float(np.quantile(sizes, 0.995)) or float(sizes.max()) or 1.0


@cache
def _palette(*, signed: bool) -> NDArray[np.uint8]:
    """Return the colours of 255 levels, BGRA; signed ones have zero in the middle."""
    colours = (
        diverging(np.linspace(-1, 1, 255))
        if signed
        else sequential(np.linspace(0, 1, 255)[None])[0]
    )
    return np.concatenate([colours, np.full((255, 1), _WHOLE, np.uint8)], axis=1)


def _coloured(values: NDArray[np.floating], *, signed: bool) -> NDArray[np.uint8]:
    """Colour values of -1..1 or 0..1, any shape; the last axis of the answer is BGRA."""
    scaled = 127 + 127 * values if signed else 254 * values
    levels = np.clip(np.rint(scaled), 0, 254).astype(np.uint8)
    return np.asarray(_palette(signed=signed)[levels])


def _tiled(tiles: NDArray[np.uint8], columns: int = _IN_A_ROW) -> NDArray[np.uint8]:
    """Lay tiles, shape ``(N, tiles, h, w, 4)``, side by side, with gaps that are transparent."""
    pictures, count, height, width, _ = tiles.shape
    gap = max(1, width // 12)
    columns = min(columns, count)
    rows = -(-count // columns)
    room = np.zeros((pictures, rows * columns, height + gap, width + gap, 4), np.uint8)
    room[:, :count, :height, :width] = tiles
    grid = room.reshape(pictures, rows, columns, height + gap, width + gap, 4)
    sheets = grid.transpose(0, 1, 3, 2, 4, 5).reshape(
        pictures, rows * (height + gap), columns * (width + gap), 4
    )
    return sheets[:, :-gap, :-gap]


def _wrapped(units: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay rows of units, shape ``(N, units, 4)``, into as many rows as are easily seen."""
    pictures, count, _ = units.shape
    columns = count if count <= 2 * _IN_A_ROW else int(np.ceil(np.sqrt(count * 6)))
    rows = -(-count // columns)
    room = np.zeros((pictures, rows * columns, 4), np.uint8)
    room[:, :count] = units
    return room.reshape(pictures, rows, columns, 4)


def _part(shown: int, whole: int, name: str) -> str:
    return f"{shown} of {whole} {name}" if shown < whole else ""
