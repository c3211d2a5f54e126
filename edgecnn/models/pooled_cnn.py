"""A small network for 32×32 pictures that pools right behind the convolution that widens.

The chain of Jordan 2024 ("94% on CIFAR-10 in 3.29 seconds on a single GPU", arXiv:2404.00498):
a 2×2 convolution, three pairs of 3×3 convolutions, each pair's first one pooled before it is
normalised, maximum pooling, one dense layer. Here it is a quarter as large, its activation is ReLU,
which 8-bit kernels fuse, and its first convolution is learnt like any other, not whitening.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import conv_norm
from edgecnn.models.checks import check_counts, picture_size
from edgecnn.models.shapes import shape_behind

__all__ = ["PooledCNN", "pooled_cnn"]

#: Channels of the first convolution: twice the 12 values that one of its windows sees.
_STEM = 24


class PooledCNN(nn.Module):
    """Seven convolutions and one dense layer."""

    def __init__(
        self, *, classes: int, channels: int, size: tuple[int, int], widths: Sequence[int]
    ) -> None:
        super().__init__()
        layers = [nn.Conv2d(channels, _STEM, 2), nn.ReLU(inplace=True)]
        before = _STEM
        for width in widths:
            layers += [
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.MaxPool2d(2),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                conv_norm(width, width),
            ]
            before = width
        self.features = nn.Sequential(*layers)
        _, height, width = shape_behind(self.features, (channels, *size))
        self.features.append(nn.MaxPool2d((height, width)))
        self.features.append(nn.Flatten())
        self.classifier = nn.Linear(before, classes)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.classifier(self.features(input))
        return logits


def pooled_cnn(
    *,
    classes: int = 10,
    channels: int = 3,
    size: int | Sequence[int] = 32,
    widths: Sequence[int] = (64, 112, 112),
) -> PooledCNN:
    """Build the network.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    size : int or two int
        Height and width of the pictures in pixels, or both in one.
    widths : sequence of three int
        Channels of the three pairs; multiples of 16 run fastest.

    Raises
    ------
    UsageError
        Other than three widths, a count below 1, or pictures that are too small.
    """
    check_counts("pooled-cnn", classes=classes, channels=channels, widths=widths)
    if len(widths) != 3:
        raise UsageError(
            f"pooled-cnn: widths={list(widths)}?", hint="three counts, for example [64, 112, 112]"
        )
    pixels = picture_size("pooled-cnn", size)
    return PooledCNN(classes=classes, channels=channels, size=pixels, widths=widths)
