"""What several families are built of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

__all__ = ["Residual1d", "conv_norm", "initialise", "scaled"]


def conv_norm(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: Callable[[], nn.Module] | None = None,
    epsilon: float = 1e-5,
    momentum: float = 0.1,
) -> nn.Sequential:
    """Return a convolution that keeps the size at stride 1, batch normalisation, activation.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int
        Odd.
    activation : callable, optional
        Makes the last module; the default is ReLU. ``nn.Identity`` is left out.
    """
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=epsilon, momentum=momentum),
    ]
    if activation is not nn.Identity:
        layers.append(activation() if activation else nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Residual1d(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016, arXiv:1512.03385), in one dimension."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, kernel: int = 5) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv1d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(outputs),
            nn.ReLU(),
            nn.Conv1d(outputs, outputs, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv1d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm1d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, shape ``(N, outputs, samples / stride)``."""
        return torch.relu(self.path(x) + self.shortcut(x))


def scaled(channels: int, width: float, *, multiple: int = 8) -> int:
    """Return a number of channels times a width, as a multiple that kernels like.

    Never more than a tenth below the product (Howard et al. 2017, arXiv:1704.04861, name the
    multiplier; the rounding is that of the MobileNets that libraries ship).

    Examples
    --------
    >>> scaled(64, 1.0), scaled(64, 0.3), scaled(12, 0.1)
    (64, 24, 8)
    """
    wanted = channels * width
    rounded = max(multiple, int(wanted + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * wanted else rounded


def initialise(module: nn.Module, *, dense_deviation: float | None = 0.01) -> None:
    """Give convolutions and dense layers the weights to start from.

    Convolutions after He et al. 2015 (arXiv:1502.01852), by their fan-out; biases zero.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place, all of its layers.
    dense_deviation : float, optional
        Standard deviation of the dense layers' weights; None leaves them as they are.
    """
    for each in module.modules():
        if isinstance(each, nn.Conv1d | nn.Conv2d):
            nn.init.kaiming_normal_(each.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(each, nn.Linear) and dense_deviation is not None:
            nn.init.normal_(each.weight, std=dense_deviation)
        else:
            continue
        if each.bias is not None:
            nn.init.zeros_(each.bias)
