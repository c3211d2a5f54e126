"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998, doi:10.1109/5.726791).

In its modern form, subsampling is max pooling, the activation is ReLU, the second convolution sees
all maps, and the output layer is linear with softmax outside. The paper's network reads 32×32
pictures; padding 28×28 ones by 2 in the first convolution is the same arithmetic.
:func:`lenet5_1998` keeps the paper's size, tanh and averages, but for their trained gains, the
partial connections of the second convolution, and the output's radial basis functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from edgecnn.models.checks import check_counts, check_dropout, picture_size
from edgecnn.models.shapes import shape_behind

__all__ = ["LeNet5", "lenet5", "lenet5_1998"]


class LeNet5(nn.Module):
    """Two convolutions with pooling, three dense layers: 61,706 parameters for ten classes."""

    def __init__(
        self,
        *,
        classes: int,
        channels: int,
        size: tuple[int, int],
        padding: int,
        dropout: float,
        activation: type[nn.Module] = nn.ReLU,
        pooling: type[nn.MaxPool2d | nn.AvgPool2d] = nn.MaxPool2d,
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 6, 5, padding=padding),
            activation(),
            pooling(2),
            nn.Conv2d(6, 16, 5),
            activation(),
            pooling(2),
        )
        values = math.prod(shape_behind(self.features, (channels, *size)))
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(values, 120),
            activation(),
            nn.Dropout(dropout),
            nn.Linear(120, 84),
            activation(),
            nn.Linear(84, classes),
        )

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.classifier(self.features(input))
        return logits


def lenet5(
    *,
    classes: int = 10,
    channels: int = 1,
    size: int | Sequence[int] = 28,
    dropout: float = 0.0,
) -> LeNet5:
    """Build LeNet-5 in its modern form.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the input; the first convolution pads it by 2.
    dropout : float
        Share of the first dense layer's outputs dropped in training; the paper has none.

    Raises
    ------
    UsageError
        A count below 1 or a dropout outside 0..1.
    ShapeError
        Pictures that are too small.
    """
    check_counts("lenet5", classes=classes, channels=channels)
    check_dropout("lenet5", dropout)
    return LeNet5(
        classes=classes,
        channels=channels,
        size=picture_size("lenet5", size),
        padding=2,
        dropout=dropout,
    )


def lenet5_1998(
    *,
    classes: int = 10,
    channels: int = 1,
    size: int | Sequence[int] = 32,
    activation: Literal["tanh", "relu"] = "tanh",
    pooling: Literal["average", "max"] = "average",
) -> LeNet5:
    """Build LeNet-5 in the paper's shape.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the input; nothing is padded.
    activation : "tanh" or "relu"
        ``"relu"`` with ``pooling="max"`` is the modern form on 32×32 pictures.
    pooling : "average" or "max"

    Raises
    ------
    UsageError
        A count below 1.
    ShapeError
        Pictures that are too small.
    """
    check_counts("lenet5-1998", classes=classes, channels=channels)
    return LeNet5(
        classes=classes,
        channels=channels,
        size=picture_size("lenet5-1998", size),
        padding=0,
        dropout=0.0,
        activation=nn.Tanh if activation == "tanh" else nn.ReLU,
        pooling=nn.AvgPool2d if pooling == "average" else nn.MaxPool2d,
    )
