"""YOLO v1: You Only Look Once (Redmon et al. 2016, arXiv:1506.02640).

One network looks at the whole picture once. It divides it into 7×7 cells; the cell that an
object's centre lies in answers for it with two boxes, a confidence for each, and one distribution
over 20 classes: 7×7×(2·5 + 20) numbers.

As in the paper: 24 convolutions after GoogLeNet, with 1×1 convolutions that reduce in place of
inception modules, leaky ReLU of slope 0.1, dropout of half behind the first dense layer, a linear
last layer. What decodes its numbers is :func:`edgecnn.runtime.tasks.boxes.yolo_v1`, what trains it
:mod:`edgecnn.training.tasks.yolo_loss`.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.checks import check_counts, check_dropout, check_width, picture_size

__all__ = ["YoloV1", "yolo_v1"]

#: Kernel size and channels of each convolution in order; ``None`` is a 2×2 max pooling. The first
#: convolution and the one before the last two have stride 2.
_LAYERS: tuple[tuple[int, int] | None, ...] = (
    (7, 64),
    None,
    (3, 192),
    None,
    *((1, 128), (3, 256), (1, 256), (3, 512)),
    None,
    *((1, 256), (3, 512)) * 4,
    *((1, 512), (3, 1024)),
    None,
    *((1, 512), (3, 1024)) * 2,
    (3, 1024),
    (3, 1024),
    *((3, 1024), (3, 1024)),
)
_STRIDED = (0, 21)

#: Pixels of the picture per cell.
_CELL = 64


class YoloV1(nn.Module):
    """24 convolutions and two dense layers."""

    def __init__(
        self,
        *,
        classes: int,
        channels: int,
        per_cell: int,
        cells: tuple[int, int],
        width: float,
        dropout: float,
        batch_norm: bool,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, number = channels, 0
        for layer in _LAYERS:
            if layer is None:
                layers.append(nn.MaxPool2d(2))
                continue
            kernel, outputs = layer[0], max(1, round(layer[1] * width))
            stride = 2 if number in _STRIDED else 1
            layers.append(
                nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=not batch_norm)
            )
            if batch_norm:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(0.1, inplace=True))
            inputs, number = outputs, number + 1
        self.features = nn.Sequential(*layers)
        self.shape = (*cells, 5 * per_cell + classes)
        dense = max(1, round(4096 * width))
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(inputs * cells[0] * cells[1], dense),
            nn.LeakyReLU(0.1, inplace=True),
            nn.Dropout(dropout),
            nn.Linear(dense, cells[0] * cells[1] * self.shape[2]),
        )

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the cells of pictures.

        Parameters
        ----------
        input : tensor, shape (N, channels, H, W)

        Returns
        -------
        tensor, shape (N, H / 64, W / 64, 5 * per_cell + classes)
        """
        values: torch.Tensor = self.classifier(self.features(input))
        return values.reshape(-1, *self.shape)


def yolo_v1(
    *,
    classes: int = 20,
    channels: int = 3,
    size: int | list[int] = 448,
    per_cell: int = 2,
    width: float = 1.0,
    dropout: float = 0.5,
    batch_norm: bool = False,
) -> YoloV1:
    """Build YOLO v1.

    Parameters
    ----------
    classes, channels : int
        Labels (20 of PASCAL VOC), and channels of the input.
    size : int or list of two int
        Height and width of the input; multiples of 64, a cell each.
    per_cell : int
        Boxes that each cell names.
    width : float
        Multiplies the channels of all layers.
    dropout : float
        Share of the first dense layer's outputs that is left out in training.
    batch_norm : bool
        Normalise after each convolution: the paper does not, its authors' code does.

    Raises
    ------
    UsageError
        A count below 1, or a size that is no multiple of 64.
    """
    height, across = picture_size("yolo-v1", size)
    check_counts("yolo-v1", classes=classes, channels=channels, per_cell=per_cell)
    check_dropout("yolo-v1", dropout)
    check_width("yolo-v1", width)
    if height % _CELL or across % _CELL:
        raise UsageError(
            f"yolo-v1: size={height}×{across}?", hint=f"multiples of {_CELL}; the paper's is 448"
        )
    return YoloV1(
        classes=classes,
        channels=channels,
        per_cell=per_cell,
        cells=(height // _CELL, across // _CELL),
        width=width,
        dropout=dropout,
        batch_norm=batch_norm,
    )
