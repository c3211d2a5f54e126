"""Datasets to tensors, and the training set's split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from edgecnn.data import Dataset
from edgecnn.data.split import hold_out
from edgecnn.errors import DataError
from edgecnn.metadata import InputSpec
from edgecnn.training.loop import Examples
from edgecnn.training.recipe import Recipe

__all__ = ["TrainingSet", "as_examples", "labelled_targets", "split_training_set"]


@dataclass(frozen=True)
class TrainingSet:
    """A dataset as tensors, split in two."""

    train: Examples
    validation: Examples


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


def split_training_set(dataset: Dataset, recipe: Recipe) -> TrainingSet:
    """Set the recipe's validation share aside, seeded, and preprocess both parts."""
    targets = labelled_targets(dataset)
    training, validation = hold_out(
        targets, recipe.data.validation, recipe.train.seed, groups=dataset.groups
    )
    if recipe.data.limit is not None and recipe.data.limit < len(training):
        drawn = np.random.default_rng(recipe.train.seed).permutation(training)
        training = np.sort(drawn[: recipe.data.limit])
    return TrainingSet(
        as_examples(dataset, recipe.input, training),
        as_examples(dataset, recipe.input, validation),
    )
