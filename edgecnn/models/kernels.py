"""Image kernels: networks of one convolution whose weights nobody has to train.

A kernel is slid over the picture as a convolutional layer does it, without turning it around
(cross-correlation), over every colour by itself. OpenCV's ``filter2D`` does the same, and a file
made of a kernel gives its pictures within one grey level (``docs/kernels.md``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

import torch
from torch import nn

from edgecnn.errors import UsageError

__all__ = ["KERNELS", "Border", "ImageKernel", "Kernel", "image_kernel", "parse_kernel"]

Matrix = tuple[tuple[float, ...], ...]

#: What lies beyond the picture's edge; ``none``: nothing, and the result is smaller.
Border = Literal["reflect", "replicate", "zero", "none"]

_PAD_MODE = {"reflect": "reflect", "replicate": "replicate", "zero": "constant"}
_LARGEST = 15


@dataclass(frozen=True)
class Kernel:
    """A matrix of weights with what is said about it.

    Attributes
    ----------
    name, summary : str
    matrix : tuple of tuples of float
        Row by row, shape ``(height, width)``.
    offset : float
        Added to the result so that it can be shown, in grey levels: 128 where both signs matter.
    """

    name: str
    summary: str
    matrix: Matrix
    offset: float = 0.0


def _over(divisor: int, rows: Matrix) -> Matrix:
    return tuple(tuple(value / divisor for value in row) for row in rows)


_GAUSSIAN = tuple(
    tuple(a * b for b in (1.0, 4.0, 6.0, 4.0, 1.0)) for a in (1.0, 4.0, 6.0, 4.0, 1.0)
)

#: The named kernels, in the order in which they are listed.
KERNELS = {
    kernel.name: kernel
    for kernel in (
        Kernel("identity", "the picture itself", ((0, 0, 0), (0, 1, 0), (0, 0, 0))),
        Kernel(
            "sharpen",
            "the picture plus what sets each pixel apart from its 4 neighbours",
            ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
        ),
        Kernel("box-blur", "mean of 3 by 3 pixels", _over(9, ((1, 1, 1),) * 3)),
        Kernel(
            "gaussian-blur",
            "mean of 3 by 3 pixels, the nearer the heavier (binomial weights)",
            _over(16, ((1, 2, 1), (2, 4, 2), (1, 2, 1))),
        ),
        Kernel(
            "laplacian",
            "edges: what sets a pixel apart from its 4 neighbours",
            ((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
        ),
        Kernel(
            "edges",
            "edges: what sets a pixel apart from its 8 neighbours",
            ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
        ),
        Kernel(
            "sobel-x",
            "brightness rising to the right is bright, falling dark (Sobel, Feldman 1968)",
            ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
            offset=128,
        ),
        Kernel(
            "sobel-y",
            "brightness rising downwards is bright, falling dark",
            ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
            offset=128,
        ),
        Kernel("emboss", "a relief lit from the upper left", ((-2, -1, 0), (-1, 1, 1), (0, 1, 2))),
        Kernel(
            "unsharp",
            "twice the picture less its blur by a 5 by 5 Gaussian",
            tuple(
                tuple(512 / 256 * (y == x == 2) - value / 256 for x, value in enumerate(row))
                for y, row in enumerate(_GAUSSIAN)
            ),
        ),
    )
}


def parse_kernel(text: str) -> Kernel:
    """Return a named kernel, or the one that a text spells out.

    Parameters
    ----------
    text : str
        One of :data:`KERNELS`, or a matrix: rows separated by ``;``, numbers by spaces or commas,
        fractions as ``1/9``. At most 15 rows and columns.

    Raises
    ------
    UsageError
        Neither a name nor a matrix; the message says where it fails.

    Examples
    --------
    >>> parse_kernel("sharpen").matrix[1]
    (-1, 5, -1)
    >>> parse_kernel("0 1/2; -1 0").matrix
    ((0.0, 0.5), (-1.0, 0.0))
    """
    if text in KERNELS:
        return KERNELS[text]
    if not any(character.isdigit() for character in text):
        raise UsageError(
            f"no kernel named {text!r}",
            hint=f"there are: {', '.join(KERNELS)}; or spell one out: '0 -1 0; -1 5 -1; 0 -1 0'",
        )
    rows = tuple(
        tuple(_number(cell, number) for cell in row.replace(",", " ").split())
        for number, row in enumerate(text.strip().removesuffix(";").split(";"), start=1)
    )
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]) or not row:
            raise UsageError(
                f"row {number} of the kernel has {len(row)} numbers, row 1 has {len(rows[0])}",
                hint="separate rows by ';' and numbers by spaces",
            )
    if max(len(rows), len(rows[0])) > _LARGEST:
        raise UsageError(
            f"a kernel of {len(rows)} by {len(rows[0])}", hint=f"at most {_LARGEST} a side"
        )
    return Kernel(f"kernel-{len(rows)}x{len(rows[0])}", "the user's own", rows)


def _number(cell: str, row: int) -> float:
    try:
        value = float(Fraction(cell))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise UsageError(
            f"row {row} of the kernel: {cell!r} is no number", hint="write 2, -0.5 or 1/9"
        ) from error
    # What is finite in 64 bits need not be so in the network's 32.
    if not math.isfinite(torch.tensor(value, dtype=torch.float32, device="cpu").item()):
        raise UsageError(f"row {row} of the kernel: {cell} is too large")
    return value


class ImageKernel(nn.Module):
    """One kernel over every channel of pictures by itself, shape ``(N, channels, H, W)``."""

    def __init__(self, matrix: Matrix, *, channels: int, border: Border, stride: int) -> None:
        super().__init__()
        weight = torch.tensor(matrix, dtype=torch.float32)
        height, width = weight.shape
        self.weight = nn.Parameter(weight.expand(channels, 1, height, width).clone())
        self.border = border
        self.stride = stride
        # A kernel of even size has no middle: OpenCV's rounds towards the end, and so does this.
        left, upper = width // 2, height // 2
        self.padding = (left, width - 1 - left, upper, height - 1 - upper)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return filtered pictures, shape ``(N, channels, H', W')``.

        ``H' = ceil(H / stride)``; without a border ``(H - height) // stride + 1``. Their values
        have the input's unit.
        """
        if self.border != "none" and any(self.padding):
            input = nn.functional.pad(input, self.padding, mode=_PAD_MODE[self.border])
        channels = self.weight.shape[0]
        return nn.functional.conv2d(input, self.weight, stride=self.stride, groups=channels)


def image_kernel(
    *, kernel: str = "sharpen", channels: int = 3, border: str = "reflect", stride: int = 1
) -> ImageKernel:
    """Build the network of a kernel.

    Parameters
    ----------
    kernel : str
        A name or a matrix; see :func:`parse_kernel`.
    channels : int
        Of the pictures, each filtered by itself.
    border : "reflect", "replicate", "zero" or "none"
        What lies beyond the edge: the picture mirrored at the outermost pixel (OpenCV's
        ``BORDER_REFLECT_101``, its default), the outermost pixel repeated, zeros (the ``same``
        padding of most networks), or nothing (``valid``: the result is smaller).
    stride : int
        Pixels from one place of the kernel to the next.

    Raises
    ------
    UsageError
        A kernel, border or count that there is not.

    Examples
    --------
    >>> network = image_kernel(kernel="-1 1", channels=1, border="none")
    >>> signal = torch.tensor([0.0, 0, 0, 0, 1, 2, 3, 3]).reshape(1, 1, 1, 8)
    >>> network(signal).flatten().tolist()
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    """
    matrix = parse_kernel(kernel).matrix
    if border not in get_args(Border):
        raise UsageError(
            f"no border named {border!r}", hint=f"there are: {', '.join(get_args(Border))}"
        )
    if channels < 1 or stride < 1:
        raise UsageError(f"image kernel: channels={channels}, stride={stride}?")
    return ImageKernel(matrix, channels=channels, border=border, stride=stride)  # type: ignore[arg-type]
