"""Small residual networks for 32×32 pictures.

:func:`cifar_resnet` builds those of He et al. 2016 (arXiv:1512.03385, section 4.2): depth 20, 32,
44, 56, 110. :func:`resnet9` has the depth of the fast CIFAR-10 networks of the DAWNBench
competition (https://dawn.cs.stanford.edu/benchmark), with a fraction of their width: it is made for
a device, and to be trained without an accelerator.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import conv_norm, initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width
from edgecnn.models.resnet import BasicBlock

__all__ = ["CifarResNet", "ResNet9", "cifar_resnet", "resnet9"]


class _Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv_norm(width, width)
        self.second = conv_norm(width, width)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        residual: torch.Tensor = self.second(self.first(input))
        return input + residual


class ResNet9(nn.Module):
    """Eight 3×3 convolutions, four of them in two residual blocks, and one dense layer."""

    def __init__(self, *, classes: int, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        stem, first, second, third = widths
        self.features = nn.Sequential(
            conv_norm(channels, stem),
            # Pooling early keeps most of the arithmetic off the full-size picture.
            nn.MaxPool2d(2),
            conv_norm(stem, first),
            _Residual(first),
            conv_norm(first, second),
            nn.MaxPool2d(2),
            _Residual(second),
            conv_norm(second, third),
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


class _PaddedShortcut(nn.Module):
    """Every second pixel, and maps of zeros for those that are missing: the paper's option A."""

    def __init__(self, missing: int) -> None:
        super().__init__()
        # A pooling of one pixel picks pixels just so, and is an operator that 8-bit kernels know.
        self.pick = nn.MaxPool2d(1, stride=2)
        self.missing = missing

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        before = self.missing // 2
        return nn.functional.pad(self.pick(x), (0, 0, 0, 0, before, self.missing - before))


class CifarResNet(nn.Module):
    """A 3×3 convolution, three stages of residual blocks, the mean, one dense layer."""

    def __init__(
        self, *, depth: int, classes: int, channels: int, width: float, dropout: float
    ) -> None:
        super().__init__()
        widths = [scaled(each, width) for each in (16, 32, 64)]
        self.conv1 = nn.Conv2d(channels, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        inputs = widths[0]
        stages = []
        for number, outputs in enumerate(widths):
            first = BasicBlock(
                inputs,
                outputs,
                stride=2 if number else 1,
                downsample=_PaddedShortcut(outputs - inputs) if number else None,
            )
            others = [
                BasicBlock(outputs, outputs, stride=1, downsample=None)
                for _ in range((depth - 2) // 6 - 1)
            ]
            stages.append(nn.Sequential(first, *others))
            inputs = outputs
        self.layer1, self.layer2, self.layer3 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(inputs, classes)
        initialise(self, dense_deviation=None)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        x = self.relu(self.bn1(self.conv1(input)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: torch.Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return logits


def cifar_resnet(
    *,
    depth: int = 20,
    classes: int = 10,
    channels: int = 3,
    width: float = 1.0,
    dropout: float = 0.0,
) -> CifarResNet:
    """Build a ResNet for 32×32 pictures: 0.27 M parameters at depth 20, 0.85 M at 56.

    Parameters
    ----------
    depth : int
        Layers with weights: 6n + 2.
    classes, channels : int
        Outputs, and channels of the input.
    width : float
        Multiplies all widths.
    dropout : float
        Share of the features dropped in training before the last layer; the paper has none.

    Raises
    ------
    UsageError
        A value out of range.

    Notes
    -----
    Shortcuts that change the shape have no weights, as in the paper. Weights start after He et
    al. 2015.
    """
    if depth < 8 or depth % 6 != 2:
        raise UsageError(f"cifar_resnet: depth={depth}?", hint="6n + 2: 8, 14, 20, 26, 32, ...")
    check_counts("cifar_resnet", classes=classes, channels=channels)
    check_width("cifar_resnet", width)
    check_dropout("cifar_resnet", dropout)
    return CifarResNet(
        depth=depth, classes=classes, channels=channels, width=width, dropout=dropout
    )
