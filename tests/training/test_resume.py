from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from edgecnn.errors import MissingFileError, TrainingError
from edgecnn.models import create_model
from edgecnn.training.examples import Examples
from edgecnn.training.fit_state import FitState
from edgecnn.training.loop import fit
from edgecnn.training.recipe import Recipe, load_recipe
from edgecnn.training.resume import RESUME_NAME, load_resume, save_resume
from edgecnn.training.tasks.classify import CrossEntropy


def recipe(*overrides: str) -> Recipe:
    return load_recipe("mnist-lenet5", overrides=("train.epochs=2", "train.batch=8", *overrides))


def fresh(chosen: Recipe, name: str = "lenet5") -> FitState:
    return FitState.fresh(create_model(name), chosen.train)


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, FitState]:
    state = fresh(recipe())
    examples = Examples({"input": torch.randn(16, 1, 28, 28)}, torch.arange(16) % 10)
    fit(state, examples, examples, recipe().train, CrossEntropy())
    save_resume(tmp_path, state, recipe(), data_sha256="ab")
    return tmp_path, state


def test_everything_comes_back(kept: tuple[Path, FitState]) -> None:
    folder, state = kept
    loaded = fresh(recipe())
    load_resume(folder, loaded, recipe(), data_sha256="ab")
    assert loaded.history == state.history
    assert loaded.average.steps == state.average.steps == 4
    for one, two in ((loaded.module, state.module), (loaded.average.module, state.average.module)):
        for key, value in one.state_dict().items():
            assert torch.equal(value, two.state_dict()[key])
    slots, kept_slots = (s.optimizer.state_dict()["state"] for s in (loaded, state))
    assert slots.keys() == kept_slots.keys()
    for number, values in slots.items():
        assert torch.equal(values["momentum_buffer"], kept_slots[number]["momentum_buffer"])
    assert loaded.best is not None
    assert loaded.best.keys() == state.module.state_dict().keys()


def test_another_recipe_is_refused_by_the_value_that_differs(kept: tuple[Path, FitState]) -> None:
    other = recipe("train.momentum=0.5")
    with pytest.raises(TrainingError, match=r"train\.momentum was 0\.9, now 0\.5") as error:
        load_resume(kept[0], fresh(other), other, data_sha256="ab")
    assert "same recipe" in str(error.value.hint)


def test_a_recipe_of_another_name_is_refused_by_its_name(kept: tuple[Path, FitState]) -> None:
    other = load_recipe("cifar10-resnet")
    with pytest.raises(TrainingError, match="name was mnist-lenet5, now cifar10-resnet"):
        load_resume(kept[0], fresh(recipe()), other, data_sha256="ab")


def test_other_data_is_refused(kept: tuple[Path, FitState]) -> None:
    with pytest.raises(TrainingError, match="other data: mnist:train has changed") as error:
        load_resume(kept[0], fresh(recipe()), recipe(), data_sha256="cd")
    assert "same files" in str(error.value.hint)


def test_broken_files(kept: tuple[Path, FitState], tmp_path: Path) -> None:
    path = kept[0] / RESUME_NAME
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(TrainingError, match="not a whole safetensors file"):
        load_resume(kept[0], fresh(recipe()), recipe(), data_sha256="ab")
    save_file(create_model("lenet5").state_dict(), path)
    with pytest.raises(TrainingError, match="was not kept by a training"):
        load_resume(kept[0], fresh(recipe()), recipe(), data_sha256="ab")
    path.unlink()
    with pytest.raises(MissingFileError):
        load_resume(kept[0], fresh(recipe()), recipe(), data_sha256="ab")
