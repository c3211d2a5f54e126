"""A question about a recipe, to be asked without training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgecnn.training.recipe import load_recipe
from edgecnn.training.search.record import Question
from edgecnn.training.search.space import read_axes


@pytest.fixture
def ask() -> Callable[..., Question]:
    """Make a question about the digits' recipe, ten epochs long."""

    def make(**changes: Any) -> Question:
        recipe = load_recipe("mnist-lenet5", overrides=("train.epochs=10",))
        axes = read_axes(["optimizer=sgd,adamw"], ["lr=1e-4..1:log", "batch=8..64"], recipe)
        settings: dict[str, Any] = {
            "recipe": recipe,
            "trial_recipe": recipe,
            "axes": axes,
            "metric": "validation_loss",
            "sampler": "tpe",
        }
        return Question(**{**settings, **changes})

    return make
