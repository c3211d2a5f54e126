"""Learning rates and optimizers."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from edgecnn.training.recipe import TrainSettings

__all__ = ["learning_rate", "make_optimizer", "set_rate"]

#: The one cycle starts at this share of the peak.
_START = 0.1


def learning_rate(progress: float, peak: float, warmup: float) -> float:
    """Return the one-cycle rate: linear up to ``peak``, then a cosine down to zero.

    Parameters
    ----------
    progress : float
        Share of all steps done, 0..1.
    peak : float
    warmup : float
        Share of all steps in which the rate rises.

    Examples
    --------
    >>> [round(learning_rate(p, 1.0, 0.5), 3) for p in (0, 0.5, 0.75, 1)]
    [0.1, 1.0, 0.5, 0.0]
    """
    if progress < warmup:
        return peak * (_START + (1 - _START) * progress / warmup)
    fall = (progress - warmup) / (1 - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, fall)))


def make_optimizer(module: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Build the optimizer; weight decay acts on weights, not on biases and normalisation."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.peak_rate, betas=(settings.momentum, 0.999))
    nesterov = settings.momentum > 0
    return torch.optim.SGD(
        groups, lr=settings.peak_rate, momentum=settings.momentum, nesterov=nesterov
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all groups."""
    groups: Iterable[dict[str, object]] = optimizer.param_groups
    for group in groups:
        group["lr"] = rate
