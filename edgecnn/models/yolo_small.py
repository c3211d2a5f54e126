"""A small, fully convolutional sibling of YOLO v1, made for a device.

The idea is YOLO v1's (:mod:`edgecnn.models.yolo_v1`): one pass, a grid of cells, the cell that an
object's centre lies in answers for it, each cell names boxes, a confidence for each, and one
distribution of classes. What differs: no dense layers, so that the picture's size is free;
batch normalisation and plain ReLU, which become one 8-bit operation each; and outputs that go
through a sigmoid, which keeps every value in the 0..1 that its target has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import conv_norm
from edgecnn.models.checks import check_counts

__all__ = ["YoloSmall", "yolo_small"]


class _Residual(nn.Module):
    """A convolution whose result is added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = conv_norm(width, width)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        residual: torch.Tensor = self.layers(input)
        return input + residual


class YoloSmall(nn.Module):
    """3×3 convolutions, four of them of stride 2, and a 1×1 convolution on top."""

    def __init__(
        self,
        *,
        classes: int,
        channels: int,
        per_cell: int,
        widths: Sequence[int],
        depths: Sequence[int],
    ) -> None:
        super().__init__()
        first, second, third, last = widths
        self.features = nn.Sequential(
            conv_norm(channels, first, stride=2),
            conv_norm(first, second, stride=2),
            conv_norm(second, third, stride=2),
            *(_Residual(third) for _ in range(depths[0])),
            conv_norm(third, last, stride=2),
            *(_Residual(last) for _ in range(depths[1])),
        )
        self.head = nn.Conv2d(last, 5 * per_cell + classes, 1)
        # Nearly all cells are empty: confidences start low, or the first steps are lost on that.
        assert self.head.bias is not None
        with torch.no_grad():
            self.head.bias[4 : 5 * per_cell : 5] = -math.log(1 / 0.02 - 1)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the cells of pictures.

        Parameters
        ----------
        input : tensor, shape (N, channels, H, W)
            ``H`` and ``W`` are multiples of 16.

        Returns
        -------
        tensor, shape (N, H / 16, W / 16, 5 * per_cell + classes)
            Before the sigmoid; a cell's values in the order of
            :func:`edgecnn.runtime.tasks.boxes.yolo_v1`.
        """
        cells: torch.Tensor = self.head(self.features(input)).permute(0, 2, 3, 1)
        return cells


def yolo_small(
    *,
    classes: int = 10,
    channels: int = 3,
    per_cell: int = 1,
    widths: Sequence[int] = (16, 32, 64, 128),
    depths: Sequence[int] = (2, 2),
) -> YoloSmall:
    """Build the small detector.

    Parameters
    ----------
    classes, channels : int
        Labels, and channels of the input.
    per_cell : int
        Boxes that each cell names.
    widths : sequence of four int
        Channels after the convolutions of stride 2; multiples of 16 run fastest.
    depths : sequence of two int
        Residual convolutions on the grid of stride 8, which tell small objects apart, and on the
        final one, where each widens what a cell sees by 32 pixels.

    Raises
    ------
    UsageError
        Other than four widths and two depths, or a count below 1.
    """
    check_counts(
        "yolo-small",
        classes=classes,
        channels=channels,
        per_cell=per_cell,
        widths=widths,
        depths=depths,
    )
    if len(widths) != 4 or len(depths) != 2:
        raise UsageError(
            f"yolo-small: widths={list(widths)}, depths={list(depths)}?",
            hint="four counts of channels, and two of layers: [16, 32, 64, 128] and [2, 2]",
        )
    return YoloSmall(
        classes=classes, channels=channels, per_cell=per_cell, widths=widths, depths=depths
    )
