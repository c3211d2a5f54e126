"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381).

As in the paper, with dropout before the last layer as libraries have it. Names of the weights are
those that PyTorch's own pretrained files use.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.models.blocks import conv_norm, initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width

__all__ = ["MobileNetV2", "mobilenet_v2"]

#: Expansion, width, blocks and first stride of each stage: the paper's table 2.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class _InvertedResidual(nn.Module):
    """Widen by 1×1, convolve each map alone, narrow by 1×1 without activation."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = expansion * inputs
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(conv_norm(inputs, hidden, 1, activation=nn.ReLU6))
        layers += [
            conv_norm(hidden, hidden, 3, stride=stride, groups=hidden, activation=nn.ReLU6),
            # Not a sequence of its own: so the pretrained files name it.
            *conv_norm(hidden, outputs, 1, activation=nn.Identity),
        ]
        self.conv = nn.Sequential(*layers)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        narrowed: torch.Tensor = self.conv(x)
        return x + narrowed if self.adds else narrowed


class MobileNetV2(nn.Module):
    """Seventeen inverted residuals: 3,504,872 parameters for 1,000 classes."""

    def __init__(self, *, classes: int, channels: int, width: float, dropout: float) -> None:
        super().__init__()
        inputs = scaled(32, width)
        layers: list[nn.Module] = [conv_norm(channels, inputs, 3, stride=2, activation=nn.ReLU6)]
        for expansion, channels_of_stage, count, stride in _STAGES:
            outputs = scaled(channels_of_stage, width)
            for number in range(count):
                layers.append(
                    _InvertedResidual(
                        inputs, outputs, stride=1 if number else stride, expansion=expansion
                    )
                )
                inputs = outputs
        # Narrower networks keep the wide last layer, as in the paper.
        last = scaled(1280, max(1.0, width))
        layers.append(conv_norm(inputs, last, 1, activation=nn.ReLU6))
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(last, classes))
        initialise(self)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        logits: torch.Tensor = self.classifier(self.pool(self.features(input)).flatten(1))
        return logits


def mobilenet_v2(
    *, classes: int = 1000, channels: int = 3, width: float = 1.0, dropout: float = 0.2
) -> MobileNetV2:
    """Build MobileNetV2. It reads pictures of any size; below 33 pixels little is left to see.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    width : float
        Multiplies all widths but the last one's, which only grows.
    dropout : float
        Share of the features dropped in training before the last layer.

    Raises
    ------
    UsageError
        A value out of range.
    """
    check_counts("mobilenet-v2", classes=classes, channels=channels)
    check_width("mobilenet-v2", width)
    check_dropout("mobilenet-v2", dropout)
    return MobileNetV2(classes=classes, channels=channels, width=width, dropout=dropout)
