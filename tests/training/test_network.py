from __future__ import annotations

import pytest

from edgecnn.errors import RecipeError, UsageError
from edgecnn.training.network import build_module
from edgecnn.training.recipe import load_recipe, recipe_names

LABELS = tuple("0123456789")


@pytest.mark.parametrize("name", recipe_names())
def test_bundled_recipes_build_an_output_per_label(name: str) -> None:
    recipe = load_recipe(name)
    module = build_module(recipe, ("a", "b", "c"), recipe.input)
    last = list(module.parameters())[-1]
    assert last.shape == (3,)


def test_a_recipe_that_asks_for_other_classes() -> None:
    recipe = load_recipe("mnist-lenet5", overrides=("model.arguments.classes=3",))
    with pytest.raises(UsageError, match="asks for 3 classes, the data has 10"):
        build_module(recipe, LABELS, recipe.input)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("input.height=8", r"lenet5 cannot read input \(1, 8, 28\): .*Kernel size"),
        ("input.height=32", r"lenet5 cannot read input \(1, 32, 28\): mat1 and mat2"),
        ("model.arguments.channels=3", r"lenet5 cannot read input \(1, 28, 28\): .*channels"),
        ("input.name=picture", r"lenet5 cannot read picture .* unexpected keyword"),
        ("input.layout=NHWC", r"lenet5 cannot read input \(28, 28, 1\)"),
    ],
)
def test_a_network_that_cannot_read_the_input(override: str, message: str) -> None:
    recipe = load_recipe("mnist-lenet5", overrides=(override,))
    with pytest.raises(RecipeError, match=message) as error:
        build_module(recipe, LABELS, recipe.input)
    assert "\n" not in error.value.message


def test_an_argument_that_the_network_cannot_take() -> None:
    recipe = load_recipe("mnist-lenet5", overrides=("model.arguments.dropout=much",))
    with pytest.raises(UsageError, match="lenet5 cannot be built with dropout='much'"):
        build_module(recipe, LABELS, recipe.input)
