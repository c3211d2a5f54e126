"""A sheet of the first layer's kernels."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgecnn.explain.palette import diverging
from edgecnn.explain.sheet import FAINT, INK, MARGIN, SOFT, WIDTH, Sheet, enlarged

__all__ = ["kernel_sheet"]

_GAP = 14
_MOST = 256
#: Fewer kernels than this have room for their numbers.
_FEW = 16


def kernel_sheet(
    weights: NDArray[np.float32],
    subtitle: str,
    *,
    colour: Literal["gray", "rgb", "bgr"] | None,
    rows: str = "",
) -> bytes:
    """Draw the kernels of a convolution.

    Three-channel kernels of pictures are drawn in colour, grey where a weight is zero; others in
    blue (negative) and red (positive), channels side by side, a signal's below each other.

    Parameters
    ----------
    weights : ndarray of float32, shape (out, in, H, W) or (out, in, T)
    subtitle : str
    colour : str or None
        What the channels are; None for a signal's.
    rows : str
        What a signal's channels are, for the reader.

    Returns
    -------
    bytes
        A PNG.
    """
    extent = float(np.abs(weights).max()) or 1.0
    in_colour = colour in ("rgb", "bgr") and weights.ndim == 4 and weights.shape[1] == 3
    sizes = "×".join(map(str, weights.shape[2:]))
    sheet = Sheet(
        f"first convolution: {len(weights)} kernels of {sizes}",
        "   ".join(filter(None, (subtitle, rows))),
    )
    if in_colour:
        sheet.text(f"grey is 0, white and full colours {extent:.3g}", WIDTH - MARGIN, 70, size=18,
                   colour=SOFT, align="right")  # fmt: skip
    else:
        sheet.scale(WIDTH - MARGIN, 70, -extent, extent, signed=True)
    tiles = [kernel[0] if in_colour else _flat(kernel) for kernel in weights[:_MOST]]
    tall, wide = tiles[0].shape[-2:]
    in_a_row = len(tiles) * (36 * wide + _GAP) <= WIDTH - 2 * MARGIN
    square = int(np.clip(np.ceil(np.sqrt(2.2 * len(tiles) * tall / wide)), 1, 24))
    columns = len(tiles) if in_a_row else square
    cell = max(1, min(64, ((WIDTH - 2 * MARGIN + _GAP) // columns - _GAP) // wide))
    y = sheet.bottom + 8
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        x = MARGIN + column * (cell * wide + _GAP)
        top = y + row * (cell * tall + _GAP + 26)
        if in_colour:
            planes = [
                enlarged(plane / extent, cell * tall, cell * wide) for plane in weights[number]
            ]
            order = planes[::-1] if colour == "rgb" else planes
            sheet.paste(np.rint(127.5 + 127.5 * np.stack(order, axis=2)).astype(np.uint8), x, top)
        else:
            sheet.paste(diverging(enlarged(tile / extent, cell * tall, cell * wide)), x, top)
            if len(tiles) <= _FEW and cell >= 36:
                digits = 0 if np.array_equal(weights, np.rint(weights)) else 2
                _numbers(sheet, tile, (x, top), cell, extent=extent, digits=digits)
        sheet.text(str(number), x + cell * wide / 2, top + cell * tall + 19, size=15, colour=FAINT,
                   align="centre")  # fmt: skip
    if len(weights) > _MOST:
        said = f"the first {_MOST} of {len(weights)}"
        sheet.text(said, MARGIN, sheet.bottom + 30, size=18, colour=SOFT)
    return sheet.png()


def _flat(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay a picture kernel's channels side by side; a signal's lie below each other as it is."""
    return kernel if kernel.ndim == 2 else np.concatenate(list(kernel), axis=1)


def _numbers(
    sheet: Sheet,
    tile: NDArray[np.float32],
    at: tuple[float, float],
    cell: int,
    *,
    extent: float,
    digits: int,
) -> None:
    """Write every weight into its cell."""
    for row, values in enumerate(tile.tolist()):
        for column, value in enumerate(values):
            # Minus zero is zero.
            said = f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")
            x, y = at[0] + (column + 0.5) * cell, at[1] + (row + 0.5) * cell + 6
            colour = (255, 255, 255) if abs(value) > 0.6 * extent else INK
            sheet.text(said, x, y, size=max(14, cell // 4), colour=colour, align="centre")
