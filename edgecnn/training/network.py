"""A recipe's network, built and tried on an input of the recipe's shape."""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.errors import RecipeError, UsageError
from edgecnn.models import create_model
from edgecnn.training.recipe import Recipe

__all__ = ["build_module"]


def build_module(recipe: Recipe, labels: tuple[str, ...]) -> nn.Module:
    """Build a recipe's network with fresh weights, an output per label.

    Raises
    ------
    UsageError
        No such network, an argument that it does not take, or another number of classes.
    RecipeError
        The network cannot read the recipe's input.
    """
    arguments = {"classes": len(labels), **recipe.model.arguments}
    if arguments["classes"] != len(labels):
        raise UsageError(
            f"the recipe asks for {arguments['classes']} classes, the data has {len(labels)}",
            hint="leave model.arguments.classes out",
        )
    try:
        module = create_model(recipe.model.name, **arguments)
    except TypeError as error:
        raise RecipeError(
            f"{recipe.model.name} cannot be built with {arguments}: {_first_line(error)}"
        ) from error
    _try(module, recipe, len(labels))
    return module


def _try(module: nn.Module, recipe: Recipe, classes: int) -> None:
    """Run the network once, on nothing: a wrong size shall not cost a reading of all data."""
    shapes = recipe.input.tensors
    described = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
    try:
        with torch.no_grad():
            logits = module.eval()(**{name: torch.zeros(1, *s) for name, s in shapes.items()})
    # What PyTorch raises for sizes and arguments that do not fit.
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise RecipeError(
            f"{recipe.model.name} cannot read {described}: {_first_line(error)}",
            hint="change the recipe's input, or model.arguments",
        ) from error
    if logits.shape != (1, classes):
        raise RecipeError(
            f"{recipe.model.name} answers {described} with shape {tuple(logits.shape)}, "
            f"not {(1, classes)}"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
