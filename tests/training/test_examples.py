from __future__ import annotations

from pathlib import Path

import torch

from edgecnn.data import open_dataset
from edgecnn.training.recipe import load_recipe
from edgecnn.training.tasks import Prepared, training_task


def prepared(folder: Path, recipe_file: Path, *overrides: str) -> Prepared:
    recipe = load_recipe(recipe_file, overrides=overrides)
    task, dataset = training_task(recipe), open_dataset(folder / "train")
    return task.prepare(recipe, dataset, task.plan(recipe, dataset))


def test_the_split_is_a_partition_by_class(tiny: Path, drawings: Path) -> None:
    parts = prepared(drawings, tiny)
    train = parts.train.draw(torch.arange(len(parts.train)), torch.Generator())
    assert torch.bincount(train.targets).tolist() == [32, 32]
    assert torch.bincount(parts.validation.targets).tolist() == [8, 8]
    assert train.inputs["input"].shape == (64, 1, 28, 28)


def test_a_limit_leaves_the_validation_set_as_it_is(tiny: Path, drawings: Path) -> None:
    whole, short = prepared(drawings, tiny), prepared(drawings, tiny, "data.limit=10")
    assert len(short.train) == 10
    torch.testing.assert_close(short.validation.inputs, whole.validation.inputs)


def test_what_is_drawn_is_changed_but_repeatable(tiny: Path, drawings: Path) -> None:
    train, index = prepared(drawings, tiny).train, torch.arange(6)

    def drawn(seed: int) -> torch.Tensor:
        return train.draw(index, torch.Generator().manual_seed(seed)).inputs["input"]

    torch.testing.assert_close(drawn(1), drawn(1))
    assert not torch.allclose(drawn(1), drawn(2))
