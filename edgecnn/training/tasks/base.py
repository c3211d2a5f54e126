"""What a task brings to training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from edgecnn.data import Dataset
from edgecnn.metadata import Accuracy, InputSpec, ModelMetadata
from edgecnn.training.examples import Examples, TrainingExamples
from edgecnn.training.objective import Objective
from edgecnn.training.recipe import Recipe

__all__ = ["Plan", "Prepared", "Split", "TrainingTask"]

#: Indices of the training and of the validation examples of a dataset.
Split = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class Plan:
    """What is known of a training before its data is read.

    Attributes
    ----------
    labels : tuple of str
        What the network's outputs mean; none for a task that names nothing.
    spec : InputSpec
        The recipe's input, with what only the training data tells (a vocabulary).
    split : (ndarray of int64, ndarray of int64)
    """

    labels: tuple[str, ...]
    spec: InputSpec
    split: Split


@dataclass(frozen=True)
class Prepared:
    """A recipe's data, ready to train on.

    Attributes
    ----------
    train : TrainingExamples
    validation : Examples
        Perhaps none.
    objective : Objective
    """

    train: TrainingExamples
    validation: Examples
    objective: Objective


class TrainingTask(Protocol):
    """One task's part of a training."""

    def plan(self, recipe: Recipe, dataset: Dataset, split: Split | None = None) -> Plan:
        """Decide what is trained on and what validates, and learn what the contract needs of it.

        ``split`` fixes the examples of both parts; the default follows the recipe's own share.
        Whatever is learnt from data is learnt from the first part alone.

        Raises
        ------
        DataError
            The data has no labels, or is of another kind.
        """
        ...

    def prepare(self, recipe: Recipe, dataset: Dataset, plan: Plan) -> Prepared:
        """Read and preprocess both parts."""
        ...

    def arguments(self, labels: tuple[str, ...], spec: InputSpec) -> Mapping[str, int]:
        """Return the arguments of the network's builder that the data decides: ``classes=10``."""
        ...

    def output_shape(
        self, labels: tuple[str, ...], spec: InputSpec
    ) -> tuple[int | None, ...] | None:
        """Return the shape of the network's answer for one example; None where any will do."""
        ...

    def check_test(self, test: Dataset, metadata: ModelMetadata) -> None:
        """Find out before the work that the test set is of another kind or has other classes."""
        ...

    def test(self, network: nn.Module, test: Dataset, metadata: ModelMetadata) -> Accuracy:
        """Measure the trained network on the test set."""
        ...
