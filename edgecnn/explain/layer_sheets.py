"""Sheets of activations: an overview of all layers, and every map of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.activations import Activation
from edgecnn.explain.palette import diverging, sequential
from edgecnn.explain.sheet import FAINT, INK, MARGIN, SOFT, WIDTH, Sheet, enlarged

__all__ = ["ROOM", "all_maps", "overview"]

_LEFT = 330
_ROW = 92
_GAP = 8
_ROWS = 20
_MOST_MAPS = 256
#: Pixels across that a row of maps has.
ROOM = WIDTH - MARGIN - _LEFT


def overview(
    title: str,
    subtitle: str,
    seen: NDArray[np.uint8],
    layers: Sequence[Activation],
    labels: Sequence[str] = (),
) -> bytes:
    """Draw the input and a row of maps for each layer; of many layers some, evenly spread.

    Parameters
    ----------
    title, subtitle : str
    seen : ndarray of uint8, shape (H, W, 3)
        A picture of the input, BGR; a signal's is as wide as the rows of maps.
    layers : sequence of Activation
    labels : sequence of str
        Of the last layer's units, where these are classes.

    Returns
    -------
    bytes
        A PNG.
    """
    sheet = Sheet(title, subtitle)
    y = float(sheet.bottom + 12)
    sheet.text("input", MARGIN, y + 24, size=22)
    sheet.paste(seen, _LEFT, y, frame=seen.shape[1] < ROOM)
    y += seen.shape[0] + 24
    chosen = _spread(layers)
    for layer in chosen:
        sheet.text(f"{layer.number}", MARGIN, y + 26, size=22, colour=SOFT)
        sheet.text(layer.title, MARGIN + 46, y + 26, size=22, room=_LEFT - MARGIN - 58)
        sheet.text(layer.shape, MARGIN + 46, y + 52, size=18, colour=SOFT)
        low = -layer.extent if layer.is_signed else 0.0
        said = f"{low:.2g} to {layer.extent:.2g}"
        sheet.text(said, MARGIN + 46, y + 76, size=16, colour=FAINT)
        y += _row(sheet, layer, y, labels if layer is layers[-1] else ()) + 18
    if len(chosen) < len(layers):
        sheet.text(
            f"{len(chosen)} of {len(layers)} layers; each has a sheet of its own",
            MARGIN, y + 20, size=18, colour=SOFT,
        )  # fmt: skip
    return sheet.png()


def all_maps(layer: Activation, subtitle: str, labels: Sequence[str] = ()) -> bytes:
    """Draw every map of a layer; of more than 256 those that vary most. Returns a PNG."""
    sheet = Sheet(f"{layer.number}   {layer.title}", f"{layer.shape}   {subtitle}")
    signed = layer.is_signed
    right = WIDTH - MARGIN
    sheet.scale(right, 70, -layer.extent if signed else 0, layer.extent, signed=signed)
    y = float(sheet.bottom + 8)
    if layer.values.ndim == 1:
        _bars(sheet, layer, (MARGIN, y, WIDTH - 2 * MARGIN, 420), labels)
    elif layer.values.ndim == 2:
        _rows(sheet, layer, y)
    else:
        _grid(sheet, layer, y)
    return sheet.png()


def _row(sheet: Sheet, layer: Activation, y: float, labels: Sequence[str]) -> float:
    """Draw a layer beside its name; returns the height that it takes."""
    if layer.values.ndim == 1:
        _bars(sheet, layer, (_LEFT, y, ROOM, _ROW), labels)
        return _ROW + (26 if labels else 0)
    if layer.values.ndim == 2:
        height = int(np.clip(5 * len(layer.values), _ROW, 200))
        sheet.paste(_coloured(enlarged(layer.values, height, ROOM), layer), _LEFT, y)
        return height
    tall, wide = layer.values.shape[1:]
    width = int(np.clip(round(_ROW * wide / tall), 24, 3 * _ROW))
    count = (ROOM + _GAP) // (width + _GAP)
    for place, number in enumerate(_strongest(layer.values, count)):
        tile = _coloured(enlarged(layer.values[number], _ROW, width), layer)
        sheet.paste(tile, _LEFT + place * (width + _GAP), y)
    return _ROW


def _grid(sheet: Sheet, layer: Activation, y: float) -> None:
    chosen = _strongest(layer.values, _MOST_MAPS)
    room = WIDTH - 2 * MARGIN
    tall, wide = layer.values.shape[1:]
    columns = int(np.clip(np.ceil(np.sqrt(1.9 * len(chosen) * tall / wide)), 4, 24))
    width = (room + _GAP) // columns - _GAP
    width = min(width, 300)
    height = max(8, round(width * tall / wide))
    caption = 24 if width >= 48 else 0
    for place, number in enumerate(chosen):
        row, column = divmod(place, columns)
        x = MARGIN + column * (width + _GAP)
        top = y + row * (height + _GAP + caption)
        sheet.paste(_coloured(enlarged(layer.values[number], height, width), layer), x, top)
        if caption:
            below = top + height + 18
            sheet.text(str(number), x + width / 2, below, size=15, colour=FAINT, align="centre")
    if len(chosen) < len(layer.values):
        sheet.text(
            f"the {len(chosen)} maps of {len(layer.values)} that vary most",
            MARGIN, sheet.bottom + 30, size=18, colour=SOFT,
        )  # fmt: skip


def _rows(sheet: Sheet, layer: Activation, y: float) -> None:
    """Draw a signal's maps one below the other, time to the right."""
    chosen = _strongest(layer.values, _MOST_MAPS)
    height = int(np.clip(760 // len(chosen), 8, 40))
    for place, number in enumerate(chosen):
        top = y + place * (height + 2)
        strip = enlarged(layer.values[number][None], height, WIDTH - 2 * MARGIN - 50)
        sheet.paste(_coloured(strip, layer), MARGIN + 50, top, frame=False)
        if height >= 14:
            at = top + height / 2 + 6
            sheet.text(str(number), MARGIN + 36, at, size=15, colour=FAINT, align="right")


def _bars(
    sheet: Sheet,
    layer: Activation,
    box: tuple[float, float, float, float],
    labels: Sequence[str],
) -> None:
    """Draw a row of units as bars, or as a strip where there is no room for bars."""
    x, y, width, height = box
    values = layer.values
    if len(values) > width / 5:
        sheet.paste(_coloured(enlarged(values[None], 40, round(width)), layer), x, y + 20)
        return
    top, bottom = max(float(values.max()), 0.0), min(float(values.min()), 0.0)
    per_unit = height / ((top - bottom) or 1.0)
    zero = y + top * per_unit
    step = width / len(values)
    bar = min(max(2.0, 0.7 * step), 60.0)
    colours = _coloured(values[None], layer)[0]
    for number, value in enumerate(values.tolist()):
        left = x + (number + 0.5) * step - bar / 2
        high = max(1.0, abs(value) * per_unit)
        colour = tuple(int(c) for c in colours[number])
        sheet.fill(left, zero - high if value > 0 else zero, bar, high, colour)  # type: ignore[arg-type]
        if len(labels) == len(values) and step > 40:
            is_best = number == int(values.argmax())
            sheet.text(
                labels[number], x + (number + 0.5) * step, y + height + 22, size=17,
                colour=INK if is_best else SOFT, room=step - 4, align="centre",
            )  # fmt: skip
    sheet.fill(x, zero, width, 1, FAINT)


def _coloured(values: NDArray[np.floating], layer: Activation) -> NDArray[np.uint8]:
    scaled = values / layer.extent
    return diverging(scaled) if layer.is_signed else sequential(scaled)


def _strongest(maps: NDArray[np.float32], count: int) -> list[int]:
    """Return which maps vary most over their places, in the order of the channels."""
    if len(maps) <= count:
        return list(range(len(maps)))
    spread = maps.reshape(len(maps), -1).std(axis=1)
    return sorted(np.argsort(-spread, kind="stable")[:count].tolist())


def _spread(layers: Sequence[Activation]) -> list[Activation]:
    if len(layers) <= _ROWS:
        return list(layers)
    return [layers[round(i)] for i in np.linspace(0, len(layers) - 1, _ROWS)]
