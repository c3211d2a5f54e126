"""A moving average of the weights, which generalises better than their last value.

Polyak & Juditsky 1992 (doi:10.1137/0330046) for the idea; batch-norm statistics are averaged too.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """The average of a module's floating-point state.

    Attributes
    ----------
    module : torch.nn.Module
        A copy that holds the average, in evaluation mode.
    steps : int
        Updates so far.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.module = copy.deepcopy(module).eval().requires_grad_(requires_grad=False)

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the module's present state."""
        self.steps += 1
        # Young averages forget faster: the first weights are random and not worth keeping.
        decay = min(self.decay, self.steps / (self.steps + 9))
        averages, currents = [], []
        pairs = zip(self.module.state_dict().values(), module.state_dict().values(), strict=True)
        for average, current in pairs:
            if average.is_floating_point():
                averages.append(average)
                currents.append(current)
            else:
                average.copy_(current)
        torch._foreach_lerp_(averages, currents, 1 - decay)
