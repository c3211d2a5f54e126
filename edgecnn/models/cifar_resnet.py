"""Small residual networks for 32×32 pictures.

:func:`resnet9` has the depth of the fast CIFAR-10 networks of the DAWNBench competition
(https://dawn.cs.stanford.edu/benchmark), with a fraction of their width: it is made for a device,
and to be trained without an accelerator.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.errors import UsageError

__all__ = ["ResNet9", "resnet9"]


def _convolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = _convolution(width, width)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        residual: torch.Tensor = self.second(self.first(input))
        return input + residual


class ResNet9(nn.Module):
    """Eight 3×3 convolutions, four of them in two residual blocks, and one dense layer."""

    def __init__(self, *, classes: int, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        stem, first, second, third = widths
        self.features = nn.Sequential(
            _convolution(channels, stem),
            # Pooling early keeps most of the arithmetic off the full-size picture.
            nn.MaxPool2d(2),
            _convolution(stem, first),
            _Residual(first),
            _convolution(first, second),
            nn.MaxPool2d(2),
            _Residual(second),
            _convolution(second, third),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(third, classes)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.classifier(self.features(input))
        return logits


def resnet9(
    *, classes: int = 10, channels: int = 3, widths: Sequence[int] = (32, 48, 96, 160)
) -> ResNet9:
    """Build the nine-layer residual network.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    widths : sequence of four int
        Channels after the stem and after the three stages; multiples of 16 run fastest.

    Raises
    ------
    UsageError
        Other than four widths, or a count below 1.
    """
    if len(widths) != 4 or min(classes, channels, *widths) < 1:
        raise UsageError(
            f"resnet9: classes={classes}, channels={channels}, widths={list(widths)}?",
            hint="widths are four counts of channels, for example [32, 48, 96, 160]",
        )
    return ResNet9(classes=classes, channels=channels, widths=widths)
