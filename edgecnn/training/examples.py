"""Examples as tensors, and what batches are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.data import Dataset
from edgecnn.errors import DataError
from edgecnn.metadata import InputSpec

__all__ = ["Examples", "TrainingExamples", "as_examples", "draw_order", "labelled_targets"]


class TrainingExamples(Protocol):
    """What the fit loop draws its batches from.

    They may be kept (:class:`Examples`), changed at random when drawn, or made anew each time:
    the same index and the same state of the generator give the same batch.
    """

    def __len__(self) -> int:
        """Return how many are drawn in one epoch."""
        ...

    def order(self, balance: float, generator: torch.Generator) -> torch.Tensor:
        """Return the order in which an epoch draws them, as indices.

        ``balance`` is the exponent of a class's size by which its examples are drawn more rarely.
        """
        ...

    def draw(self, index: torch.Tensor, generator: torch.Generator) -> Examples:
        """Return the examples of a batch."""
        ...


@dataclass(frozen=True)
class Examples:
    """Preprocessed examples.

    Attributes
    ----------
    inputs : mapping of str to tensor, first axis N
        By the names of the model's inputs.
    targets : tensor, first axis N
        What the task's objective compares the outputs with; of a classifier int64, shape ``(N,)``,
        or the shares of all classes, shape ``(N, classes)``.
    """

    inputs: Mapping[str, torch.Tensor]
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: torch.Tensor) -> Examples:
        """Return the examples of an index."""
        return Examples({k: v[index] for k, v in self.inputs.items()}, self.targets[index])

    def order(self, balance: float, generator: torch.Generator) -> torch.Tensor:
        """Return an epoch's order; see :class:`TrainingExamples`."""
        return draw_order(self.targets, balance, generator)

    def draw(self, index: torch.Tensor, generator: torch.Generator) -> Examples:
        """Return the examples of an index, unchanged."""
        return self.take(index)


def draw_order(targets: torch.Tensor, balance: float, generator: torch.Generator) -> torch.Tensor:
    """Return an epoch's order of examples; with replacement when classes are balanced.

    Parameters
    ----------
    targets : tensor of int64, shape (N,)
    balance : float
        0 draws every example once, 0.5 by 1/√n of its class, 1 all classes equally often.
    """
    if balance == 0:
        return torch.randperm(len(targets), generator=generator)
    sizes = torch.bincount(targets).clamp(min=1)
    weights = sizes.double().pow(-balance)[targets]
    return torch.multinomial(weights, len(targets), replacement=True, generator=generator)


def labelled_targets(dataset: Dataset) -> NDArray[np.int64]:
    """Return a dataset's targets; raises :class:`DataError` when it has none."""
    if dataset.targets is None or not len(dataset):
        raise DataError(
            f"{dataset.info.name}:{dataset.info.split} has no labels to train on",
            hint="pictures need a sub-folder per class",
        )
    return dataset.targets


def as_examples(
    dataset: Dataset, spec: InputSpec, indices: NDArray[np.int64] | None = None
) -> Examples:
    """Preprocess examples by the recipe's contract, as the device will."""
    targets = labelled_targets(dataset)
    chosen = np.arange(len(dataset)) if indices is None else indices
    inputs = dataset.inputs(spec, chosen)
    return Examples(
        {name: torch.from_numpy(tensor) for name, tensor in inputs.items()},
        torch.from_numpy(targets[chosen]),
    )
