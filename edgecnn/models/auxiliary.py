"""Classifiers beside the last one, which help deep layers to learn and are left out on a device.

A network that has some is a :class:`WithAuxiliaries`. Its ``forward`` returns the logits alone, in
training too; a fit loop that wants the others as well asks :func:`weighted_logits`:

    outputs = weighted_logits(module, inputs)
    loss = sum(weight * cross_entropy(logits, targets) for weight, logits in outputs)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import torch
from torch import nn

__all__ = ["WithAuxiliaries", "deployed_parameters", "weighted_logits"]


@runtime_checkable
class WithAuxiliaries(Protocol):
    """A network with classifiers for training only.

    Attributes
    ----------
    auxiliary_weight : float
        Share of each one's loss that is added to the loss.
    """

    auxiliary_weight: float

    def auxiliary_modules(self) -> list[nn.Module]:
        """Return the modules that only training uses; empty when built without."""

    def forward_all(self, **inputs: torch.Tensor) -> list[torch.Tensor]:
        """Return the logits, and behind them those of each auxiliary classifier."""


def weighted_logits(
    module: nn.Module, inputs: Mapping[str, torch.Tensor]
) -> list[tuple[float, torch.Tensor]]:
    """Run a network and return all of its logits with their weights in the loss.

    Parameters
    ----------
    module : torch.nn.Module
    inputs : mapping of str to tensor
        By the names of the arguments of ``forward``.

    Returns
    -------
    list of (float, tensor)
        First weight 1 and what ``forward`` returns. For a :class:`WithAuxiliaries` in training
        mode, then each auxiliary classifier's.
    """
    if module.training and isinstance(module, WithAuxiliaries):
        logits, *others = module.forward_all(**inputs)
        return [(1.0, logits), *((module.auxiliary_weight, each) for each in others)]
    return [(1.0, module(**inputs))]


def deployed_parameters(module: nn.Module) -> int:
    """Count the parameters that run on a device."""
    extra: list[nn.Module] = []
    if isinstance(module, WithAuxiliaries):
        extra = module.auxiliary_modules()
    count = sum(p.numel() for p in module.parameters())
    return count - sum(p.numel() for each in extra for p in each.parameters())
