from __future__ import annotations

from pathlib import Path

import torch

from edgecnn.data import open_dataset
from edgecnn.training.examples import split_training_set
from edgecnn.training.recipe import load_recipe


def test_the_split_is_a_partition_by_class(tiny: Path, drawings: Path) -> None:
    parts = split_training_set(open_dataset(drawings / "train"), load_recipe(tiny))
    assert torch.bincount(parts.train.targets).tolist() == [32, 32]
    assert torch.bincount(parts.validation.targets).tolist() == [8, 8]
    assert parts.train.inputs["input"].shape == (64, 1, 28, 28)


def test_a_limit_leaves_the_validation_set_as_it_is(tiny: Path, drawings: Path) -> None:
    dataset = open_dataset(drawings / "train")
    whole = split_training_set(dataset, load_recipe(tiny))
    short = split_training_set(dataset, load_recipe(tiny, overrides=("data.limit=10",)))
    assert len(short.train) == 10
    torch.testing.assert_close(short.validation.inputs, whole.validation.inputs)
