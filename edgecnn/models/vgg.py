"""VGG (Simonyan & Zisserman 2015, arXiv:1409.1556): configurations A, B, D and E.

As in the paper, but for weights that start after He et al. 2015 instead of a shallower network's,
and batch normalisation behind each convolution where it is asked for (Ioffe & Szegedy 2015,
arXiv:1502.03167, came later). Names of the weights are those that PyTorch's own pretrained files
use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width, picture_size
from edgecnn.models.shapes import shape_behind

__all__ = ["VGG", "vgg"]

#: Convolutions in each of the five stages, by depth.
_STAGES = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
_WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Stages of 3×3 convolutions, each ended by pooling; three dense layers."""

    def __init__(
        self,
        *,
        depth: int,
        batch_norm: bool,
        classes: int,
        channels: int,
        size: tuple[int, int],
        width: float,
        dropout: float,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = channels
        for count, channels_of_stage in zip(_STAGES[depth], _WIDTHS, strict=True):
            outputs = scaled(channels_of_stage, width)
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(outputs))
                layers.append(nn.ReLU(inplace=True))
                inputs = outputs
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        values = math.prod(shape_behind(self.features, (channels, *size)))
        dense = scaled(4096, width)
        self.classifier = nn.Sequential(
            nn.Linear(values, dense),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(dense, dense),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(dense, classes),
        )
        initialise(self)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.classifier(self.features(input).flatten(1))
        return logits


def vgg(
    *,
    depth: int = 16,
    batch_norm: bool = False,
    classes: int = 1000,
    channels: int = 3,
    size: int | Sequence[int] = 224,
    width: float = 1.0,
    dropout: float = 0.5,
) -> VGG:
    """Build a VGG.

    Parameters
    ----------
    depth : int
        Layers with weights: 11, 13, 16 or 19.
    batch_norm : bool
        Whether batch normalisation follows each convolution.
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the input, 32 at least. The first dense layer has a weight per value
        of the last stage: at 32×32, 512 inputs in place of the 25,088 at 224×224.
    width : float
        Multiplies all widths, of the dense layers too.
    dropout : float
        Share of the first two dense layers' outputs dropped in training.

    Raises
    ------
    UsageError
        A value out of range.
    ShapeError
        Pictures that are too small.
    """
    if depth not in _STAGES:
        raise UsageError(f"vgg: depth={depth}?", hint=f"one of {', '.join(map(str, _STAGES))}")
    check_counts("vgg", classes=classes, channels=channels)
    check_width("vgg", width)
    check_dropout("vgg", dropout)
    return VGG(
        depth=depth,
        batch_norm=batch_norm,
        classes=classes,
        channels=channels,
        size=picture_size("vgg", size),
        width=width,
        dropout=dropout,
    )
