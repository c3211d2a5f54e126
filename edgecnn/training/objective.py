"""What a training makes small, and what is watched meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from edgecnn.training.examples import Examples
from edgecnn.training.settings import TrainSettings

__all__ = ["Objective", "Scores", "Step"]


@dataclass(frozen=True)
class Step:
    """What a batch gave, before the weights change.

    Attributes
    ----------
    loss : tensor
        A scalar, with its graph.
    hits, answers : int
        Right answers of all; both 0 where answers are not right or wrong.
    """

    loss: torch.Tensor
    hits: int
    answers: int


@dataclass(frozen=True)
class Scores:
    """What the validation set gave; what a task does not measure is None.

    Attributes
    ----------
    loss : float
        Without smoothing or weights: lower is better.
    accuracy, macro_f1, mean_average_precision : float, optional
    """

    loss: float
    accuracy: float | None = None
    macro_f1: float | None = None
    mean_average_precision: float | None = None


class Objective(Protocol):
    """What is made small, and what is watched while it gets small."""

    def step(self, module: nn.Module, batch: Examples, settings: TrainSettings) -> Step:
        """Run a network in training mode on a batch; the loop does the rest."""
        ...

    def validate(self, module: nn.Module, validation: Examples) -> Scores:
        """Score a network in evaluation mode."""
        ...
