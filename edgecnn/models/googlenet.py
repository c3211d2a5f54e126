"""GoogLeNet (Szegedy et al. 2015, arXiv:1409.4842), as libraries ship it today.

Against the paper: batch normalisation behind each convolution and no local response
normalisation; 3×3 convolutions where the paper has 5×5 ones; and the auxiliary classifiers average
to 4×4 whatever the input's size. Names of the weights are those that PyTorch's own pretrained
files use.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import nn

from edgecnn.models.blocks import scaled
from edgecnn.models.checks import check_counts, check_dropout, check_width

__all__ = ["GoogLeNet", "googlenet"]

#: Widths of an inception module: 1×1; 3×3 and the 1×1 before it; the second 3×3 (the paper's 5×5)
#: and the 1×1 before it; the 1×1 behind the pooling.
_INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
_AUXILIARY_SIDE = 4


def _convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv=nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            bn=nn.BatchNorm2d(outputs, eps=0.001),
            relu=nn.ReLU(inplace=True),
        )
    )


class _Inception(nn.Module):
    """Four branches side by side, their maps joined."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        one, before_three, three, before_five, five, behind_pool = widths
        self.branch1 = _convolution(inputs, one, 1)
        self.branch2 = nn.Sequential(
            _convolution(inputs, before_three, 1), _convolution(before_three, three, 3)
        )
        self.branch3 = nn.Sequential(
            _convolution(inputs, before_five, 1), _convolution(before_five, five, 3)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
            _convolution(inputs, behind_pool, 1),
        )
        self.outputs = one + three + five + behind_pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class _Auxiliary(nn.Module):
    """A classifier on the maps of a middle layer, for training only."""

    def __init__(self, inputs: int, classes: int, *, width: float, dropout: float) -> None:
        super().__init__()
        maps, dense = scaled(128, width), scaled(1024, width)
        self.pool = nn.AdaptiveAvgPool2d(_AUXILIARY_SIDE)
        self.conv = _convolution(inputs, maps, 1)
        self.fc1 = nn.Linear(maps * _AUXILIARY_SIDE**2, dense)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(dense, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.fc1(self.conv(self.pool(x)).flatten(1)))
        logits: torch.Tensor = self.fc2(self.dropout(x))
        return logits


class GoogLeNet(nn.Module):
    """Nine inception modules: 6,624,904 parameters for 1,000 classes, auxiliaries left out.

    It is a :class:`~edgecnn.models.auxiliary.WithAuxiliaries`.

    Attributes
    ----------
    auxiliary_weight : float
        Share of each auxiliary classifier's loss in the loss: the paper's 0.3.
    """

    auxiliary_weight = 0.3

    def __init__(
        self,
        *,
        classes: int,
        channels: int,
        width: float,
        dropout: float,
        auxiliaries: bool,
        auxiliary_dropout: float,
    ) -> None:
        super().__init__()
        stem, second = scaled(64, width), scaled(192, width)
        self.conv1 = _convolution(channels, stem, 7, stride=2)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = _convolution(stem, stem, 1)
        self.conv3 = _convolution(stem, second, 3)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        inceptions: dict[str, _Inception] = {}
        inputs = second
        for name, widths in _INCEPTIONS.items():
            inceptions[name] = _Inception(inputs, tuple(scaled(each, width) for each in widths))
            inputs = inceptions[name].outputs
        self.inception3a, self.inception3b = inceptions["3a"], inceptions["3b"]
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a, self.inception4b = inceptions["4a"], inceptions["4b"]
        self.inception4c, self.inception4d = inceptions["4c"], inceptions["4d"]
        self.inception4e = inceptions["4e"]
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a, self.inception5b = inceptions["5a"], inceptions["5b"]
        self.aux1: _Auxiliary | None = None
        self.aux2: _Auxiliary | None = None
        if auxiliaries:
            self.aux1, self.aux2 = (
                _Auxiliary(each.outputs, classes, width=width, dropout=auxiliary_dropout)
                for each in (self.inception4a, self.inception4d)
            )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.01, a=-2, b=2)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return logits, shape ``(N, classes)``, of pictures, shape ``(N, channels, H, W)``."""
        return self._features(input)[0]

    def forward_all(self, input: torch.Tensor) -> list[torch.Tensor]:
        """Return the logits, and behind them those of the auxiliary classifiers."""
        logits, *middles = self._features(input)
        heads = [head for head in (self.aux1, self.aux2) if head is not None]
        return [logits, *(head(x) for head, x in zip(heads, middles, strict=False))]

    def auxiliary_modules(self) -> list[nn.Module]:
        """Return the classifiers that only training uses."""
        return [head for head in (self.aux1, self.aux2) if head is not None]

    def _features(self, input: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the logits, and the maps behind inceptions 4a and 4d."""
        x = self.conv3(self.conv2(self.maxpool1(self.conv1(input))))
        x = self.inception3b(self.inception3a(self.maxpool2(x)))
        first = self.inception4a(self.maxpool3(x))
        second = self.inception4d(self.inception4c(self.inception4b(first)))
        x = self.maxpool4(self.inception4e(second))
        x = self.inception5b(self.inception5a(x))
        return self.fc(self.dropout(self.avgpool(x).flatten(1))), first, second


def googlenet(
    *,
    classes: int = 1000,
    channels: int = 3,
    width: float = 1.0,
    dropout: float = 0.2,
    auxiliaries: bool = True,
    auxiliary_dropout: float = 0.7,
) -> GoogLeNet:
    """Build GoogLeNet. It reads pictures of 15 pixels and more.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the input.
    width : float
        Multiplies all widths.
    dropout : float
        Share of the features dropped in training before the last layer (the paper: 0.4).
    auxiliaries : bool
        Whether two auxiliary classifiers help in training. ``forward`` leaves them out.
    auxiliary_dropout : float
        Share that they drop.

    Raises
    ------
    UsageError
        A value out of range.
    """
    check_counts("googlenet", classes=classes, channels=channels)
    check_width("googlenet", width)
    check_dropout("googlenet", dropout)
    check_dropout("googlenet", auxiliary_dropout)
    return GoogLeNet(
        classes=classes,
        channels=channels,
        width=width,
        dropout=dropout,
        auxiliaries=auxiliaries,
        auxiliary_dropout=auxiliary_dropout,
    )
