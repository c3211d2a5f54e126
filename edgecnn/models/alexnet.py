"""AlexNet (Krizhevsky, Sutskever, Hinton 2012, doi:10.1145/3065386), as libraries ship it today.

That is the one-column variant of Krizhevsky 2014 (arXiv:1404.5997): 64 kernels in the first
convolution in place of 96 on two devices, no groups, no local response normalisation, and padding
of 2 before it, so that 224×224 pictures fit. Names of the weights are those that PyTorch's own
pretrained files use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.models.blocks import scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width, picture_size
from edgecnn.models.shapes import shape_behind

__all__ = ["AlexNet", "alexnet"]


class AlexNet(nn.Module):
    """Five convolutions, three dense layers: 61,100,840 parameters for 1,000 classes."""

    def __init__(
        self, *, classes: int, channels: int, size: tuple[int, int], width: float, dropout: float
    ) -> None:
        super().__init__()
        first, second, third, fourth, fifth = (
            scaled(each, width) for each in (64, 192, 384, 256, 256)
        )
        self.features = nn.Sequential(
            nn.Conv2d(channels, first, 11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(first, second, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(second, third, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(third, fourth, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(fourth, fifth, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        values = math.prod(shape_behind(self.features, (channels, *size)))
        dense = scaled(4096, width)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(values, dense),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(dense, dense),
            nn.ReLU(inplace=True),
            nn.Linear(dense, classes),
        )

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.classifier(self.features(input).flatten(1))
        return logits


def alexnet(
    *,
    classes: int = 1000,
    channels: int = 3,
    size: int | Sequence[int] = 224,
    width: float = 1.0,
    dropout: float = 0.5,
) -> AlexNet:
    """Build AlexNet.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the input, 63 at least.
    width : float
        Multiplies all widths, of the dense layers too.
    dropout : float
        Share dropped in training before the first two dense layers.

    Raises
    ------
    UsageError
        A value out of range.
    ShapeError
        Pictures that are too small.

    Notes
    -----
    Weights start as PyTorch's layers start, not as in the paper (deviation 0.01, some biases 1).
    """
    check_counts("alexnet", classes=classes, channels=channels)
    check_width("alexnet", width)
    check_dropout("alexnet", dropout)
    return AlexNet(
        classes=classes,
        channels=channels,
        size=picture_size("alexnet", size),
        width=width,
        dropout=dropout,
    )
