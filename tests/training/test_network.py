from __future__ import annotations

import pytest
import torch

from edgecnn.errors import RecipeError, UsageError
from edgecnn.training.network import build_module
from edgecnn.training.recipe import load_recipe

LABELS = tuple("0123456789")


@pytest.mark.parametrize("name", ["cifar10-resnet", "ecg-beats", "mnist-lenet5"])
def test_bundled_recipes_build_an_output_per_label(name: str) -> None:
    recipe = load_recipe(name)
    module = build_module(recipe, ("a", "b", "c"), recipe.input)
    last = list(module.parameters())[-1]
    assert last.shape == (3,)


def test_a_detectors_cell_has_a_box_and_a_score_per_label() -> None:
    recipe = load_recipe("digits-yolo")
    module = build_module(recipe, ("a", "b", "c"), recipe.input)
    assert list(module.parameters())[-1].shape == (5 + 3,)


def test_a_recipe_that_asks_for_other_classes() -> None:
    recipe = load_recipe("mnist-lenet5", overrides=("model.arguments.classes=3",))
    with pytest.raises(UsageError, match="asks for 3 classes, the data has 10"):
        build_module(recipe, LABELS, recipe.input)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "input.height=8",
            r"lenet5 cannot read input \(1, 8, 28\): features\.3: conv 5 gives 0x10: input",
        ),
        ("model.arguments.size=32", r"lenet5 cannot read input .*: fc takes 576 values, not 400"),
        (
            "model.arguments.channels=3",
            r"lenet5 cannot read input \(1, 28, 28\): .* 3 channels, no",
        ),
        ("input.name=picture", r"lenet5 cannot read picture .* unexpected keyword"),
        ("input.layout=NHWC", r"lenet5 cannot read input \(28, 28, 1\)"),
    ],
)
def test_a_network_that_cannot_read_the_input(override: str, message: str) -> None:
    recipe = load_recipe("mnist-lenet5", overrides=(override,))
    with pytest.raises(RecipeError, match=message) as error:
        build_module(recipe, LABELS, recipe.input)
    assert "\n" not in error.value.message


@pytest.mark.parametrize("override", ["input.height=32", "input.colour=rgb"])
def test_a_network_follows_the_recipes_input(override: str) -> None:
    recipe = load_recipe("mnist-lenet5", overrides=(override,))
    module = build_module(recipe, LABELS, recipe.input)
    assert module(torch.zeros(2, *recipe.input.tensors["input"])).shape == (2, 10)


def test_an_argument_that_the_network_cannot_take() -> None:
    recipe = load_recipe("mnist-lenet5", overrides=("model.arguments.dropout=much",))
    with pytest.raises(UsageError, match="lenet5 cannot be built with dropout='much'"):
        build_module(recipe, LABELS, recipe.input)
