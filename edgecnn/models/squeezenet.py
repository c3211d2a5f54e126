"""SqueezeNet 1.1 (Iandola et al. 2016, arXiv:1602.07360; 1.1 is the authors' later release).

Against the paper's 1.0: a first convolution of 3×3 with 64 maps instead of 7×7 with 96, and earlier
pooling; 2.4 times less arithmetic at the same accuracy. Names of the weights are those that
PyTorch's own pretrained files use.
"""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.models.blocks import initialise, scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width

__all__ = ["SqueezeNet", "squeezenet"]

#: Maps that a fire module squeezes to, and that each of its two halves expands to; None pools.
_FIRES = (
    (16, 64),
    (16, 64),
    None,
    (32, 128),
    (32, 128),
    None,
    (48, 192),
    (48, 192),
    (64, 256),
    (64, 256),
)


class _Fire(nn.Module):
    """A 1×1 convolution to few maps, then 1×1 and 3×3 ones side by side to many."""

    def __init__(self, inputs: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        halves = (
            self.expand1x1_activation(self.expand1x1(x)),
            self.expand3x3_activation(self.expand3x3(x)),
        )
        return torch.cat(halves, dim=1)


class SqueezeNet(nn.Module):
    """Eight fire modules and a last 1×1 convolution: 1,235,496 parameters for 1,000 classes."""

    def __init__(self, *, classes: int, channels: int, width: float, dropout: float) -> None:
        super().__init__()
        inputs = scaled(64, width)
        layers: list[nn.Module] = [
            nn.Conv2d(channels, inputs, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
        ]
        for fire in _FIRES:
            if fire is None:
                layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
                continue
            squeezed, expanded = (scaled(each, width) for each in fire)
            layers.append(_Fire(inputs, squeezed, expanded))
            inputs = 2 * expanded
        self.features = nn.Sequential(*layers)
        last = nn.Conv2d(inputs, classes, 1)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1)
        )
        initialise(self)
        nn.init.normal_(last.weight, std=0.01)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``.

        They are means of rectified maps, so none is negative.
        """
        logits: torch.Tensor = self.classifier(self.features(input)).flatten(1)
        return logits


def squeezenet(
    *, classes: int = 1000, channels: int = 3, width: float = 1.0, dropout: float = 0.5
) -> SqueezeNet:
    """Build SqueezeNet 1.1. It reads pictures of 17 pixels and more.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    width : float
        Multiplies all widths.
    dropout : float
        Share dropped in training before the last convolution.

    Raises
    ------
    UsageError
        A value out of range.
    """
    check_counts("squeezenet", classes=classes, channels=channels)
    check_width("squeezenet", width)
    check_dropout("squeezenet", dropout)
    return SqueezeNet(classes=classes, channels=channels, width=width, dropout=dropout)
