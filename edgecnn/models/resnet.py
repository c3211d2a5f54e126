"""ResNet (He, Zhang, Ren, Sun 2016, arXiv:1512.03385) for pictures of ImageNet's size.

In the bottlenecks of ResNet-50 and deeper, the 3×3 convolution takes the stride, not the 1×1 one
before it as in the paper: the variant that libraries ship ("v1.5"), half a point more accurate.
Names of the weights are those that PyTorch's own pretrained files use.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from edgecnn.errors import UsageError
from edgecnn.models.blocks import initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width

__all__ = ["BasicBlock", "Bottleneck", "ResNet", "resnet"]


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut.

    Parameters
    ----------
    inputs, width : int
        Channels of the input, and of the convolutions.
    stride : int
        Of the first convolution.
    downsample : torch.nn.Module, optional
        Brings the input to the output's shape; without one they are the same.
    """

    expansion: ClassVar = 1

    def __init__(
        self, inputs: int, width: int, *, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, shape ``(N, width, H / stride, W / stride)``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        output: torch.Tensor = self.relu(self.bn2(self.conv2(x)) + shortcut)
        return output


class Bottleneck(nn.Module):
    """A 3×3 convolution between two of 1×1, the last four times as wide, beside a shortcut.

    Parameters
    ----------
    inputs, width : int
        Channels of the input, and of the 3×3 convolution.
    stride : int
        Of the 3×3 convolution.
    downsample : torch.nn.Module, optional
        Brings the input to the output's shape; without one they are the same.
    """

    expansion: ClassVar = 4

    def __init__(
        self, inputs: int, width: int, *, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, shape ``(N, 4 width, H / stride, W / stride)``."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        output: torch.Tensor = self.relu(self.bn3(self.conv3(x)) + shortcut)
        return output


#: Kind of block, and blocks in each of the four stages, by depth.
_STAGES: dict[int, tuple[type[BasicBlock | Bottleneck], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


class ResNet(nn.Module):
    """A 7×7 convolution, pooling, four stages of residual blocks, the mean, one dense layer."""

    def __init__(
        self, *, depth: int, classes: int, channels: int, width: float, dropout: float
    ) -> None:
        super().__init__()
        block, counts = _STAGES[depth]
        widths = [scaled(each, width) for each in (64, 128, 256, 512)]
        inputs = widths[0]
        self.conv1 = nn.Conv2d(channels, inputs, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        stages = []
        for number, (each, count) in enumerate(zip(widths, counts, strict=True)):
            stages.append(_stage(block, inputs, each, count, stride=2 if number else 1))
            inputs = block.expansion * each
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(inputs, classes)
        initialise(self, dense_deviation=None)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(input))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: torch.Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return logits


def _stage(
    block: type[BasicBlock | Bottleneck], inputs: int, width: int, count: int, *, stride: int
) -> nn.Sequential:
    outputs = block.expansion * width
    downsample = None
    if stride != 1 or inputs != outputs:
        downsample = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
        )
    first = block(inputs, width, stride=stride, downsample=downsample)
    others = [block(outputs, width, stride=1, downsample=None) for _ in range(count - 1)]
    return nn.Sequential(first, *others)


def resnet(
    *,
    depth: int = 18,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    dropout: float = 0.0,
) -> ResNet:
    """Build a ResNet. It reads pictures of any size; below 33 pixels little is left to see.

    Parameters
    ----------
    depth : int
        Layers with weights: 18, 34, 50, 101 or 152.
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
    """
    if depth not in _STAGES:
        raise UsageError(f"resnet: depth={depth}?", hint=f"one of {', '.join(map(str, _STAGES))}")
    check_counts("resnet", classes=classes, channels=channels)
    check_width("resnet", width)
    check_dropout("resnet", dropout)
    return ResNet(depth=depth, classes=classes, channels=channels, width=width, dropout=dropout)
