"""MobileNetV3-small (Howard et al. 2019, arXiv:1905.02244).

As in the paper's table 2, with dropout before the last layer and the hard sigmoid in the
squeeze-and-excitation blocks, as libraries have it. Names of the weights are those that PyTorch's
own pretrained files use.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from edgecnn.models.blocks import conv_norm, initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width

__all__ = ["MobileNetV3", "mobilenet_v3_small"]


class _Row(NamedTuple):
    kernel: int
    expanded: int
    outputs: int
    excites: bool
    hard: bool
    stride: int


_ROWS = (
    _Row(3, 16, 16, excites=True, hard=False, stride=2),
    _Row(3, 72, 24, excites=False, hard=False, stride=2),
    _Row(3, 88, 24, excites=False, hard=False, stride=1),
    _Row(5, 96, 40, excites=True, hard=True, stride=2),
    _Row(5, 240, 40, excites=True, hard=True, stride=1),
    _Row(5, 240, 40, excites=True, hard=True, stride=1),
    _Row(5, 120, 48, excites=True, hard=True, stride=1),
    _Row(5, 144, 48, excites=True, hard=True, stride=1),
    _Row(5, 288, 96, excites=True, hard=True, stride=2),
    _Row(5, 576, 96, excites=True, hard=True, stride=1),
    _Row(5, 576, 96, excites=True, hard=True, stride=1),
)

_convolution = partial(conv_norm, epsilon=0.001, momentum=0.01)


class _Excitation(nn.Module):
    """Weigh each map by what all maps are on average (Hu et al. 2018, arXiv:1709.01507)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = scaled(channels, 0.25)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.ReLU()
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = self.fc2(self.activation(self.fc1(self.avgpool(x))))
        weighed: torch.Tensor = self.scale_activation(weights) * x
        return weighed


class _InvertedResidual(nn.Module):
    """Widen by 1×1, convolve each map alone, weigh, narrow by 1×1 without activation."""

    def __init__(self, inputs: int, row: _Row) -> None:
        super().__init__()
        activation = nn.Hardswish if row.hard else nn.ReLU
        layers: list[nn.Module] = []
        if row.expanded != inputs:
            layers.append(_convolution(inputs, row.expanded, 1, activation=activation))
        layers.append(
            _convolution(
                row.expanded,
                row.expanded,
                row.kernel,
                stride=row.stride,
                groups=row.expanded,
                activation=activation,
            )
        )
        if row.excites:
            layers.append(_Excitation(row.expanded))
        layers.append(_convolution(row.expanded, row.outputs, 1, activation=nn.Identity))
        self.block = nn.Sequential(*layers)
        self.adds = row.stride == 1 and inputs == row.outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        narrowed: torch.Tensor = self.block(x)
        return x + narrowed if self.adds else narrowed


class MobileNetV3(nn.Module):
    """Eleven inverted residuals: 2,542,856 parameters for 1,000 classes."""

    def __init__(self, *, classes: int, channels: int, width: float, dropout: float) -> None:
        super().__init__()
        inputs = scaled(16, width)
        layers: list[nn.Module] = [
            _convolution(channels, inputs, 3, stride=2, activation=nn.Hardswish)
        ]
        for row in _ROWS:
            narrow = row._replace(
                expanded=scaled(row.expanded, width), outputs=scaled(row.outputs, width)
            )
            layers.append(_InvertedResidual(inputs, narrow))
            inputs = narrow.outputs
        layers.append(_convolution(inputs, 6 * inputs, 1, activation=nn.Hardswish))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        dense = scaled(1024, width)
        self.classifier = nn.Sequential(
            nn.Linear(6 * inputs, dense),
            nn.Hardswish(),
            nn.Dropout(dropout),
            nn.Linear(dense, classes),
        )
        initialise(self)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.classifier(self.avgpool(self.features(input)).flatten(1))
        return logits


def mobilenet_v3_small(
    *, classes: int = 1000, channels: int = 3, width: float = 1.0, dropout: float = 0.2
) -> MobileNetV3:
    """Build MobileNetV3-small. It reads pictures of any size; below 33 pixels little is left.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    width : float
        Multiplies all widths.
    dropout : float
        Share of the features dropped in training before the last layer.

    Raises
    ------
    UsageError
        A value out of range.
    """
    check_counts("mobilenet-v3-small", classes=classes, channels=channels)
    check_width("mobilenet-v3-small", width)
    check_dropout("mobilenet-v3-small", dropout)
    return MobileNetV3(classes=classes, channels=channels, width=width, dropout=dropout)
