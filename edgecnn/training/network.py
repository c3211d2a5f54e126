"""A recipe's network, built and tried on an input of the recipe's shape."""

from __future__ import annotations

import torch
from torch import nn

from edgecnn.errors import RecipeError, ShapeError, UsageError
from edgecnn.metadata import CharacterInput, ImageInput, InputSpec, TextInput
from edgecnn.models import architecture, create_model
from edgecnn.models.registry import Argument
from edgecnn.models.shapes import checked_shapes
from edgecnn.training.recipe import Recipe
from edgecnn.training.tasks import training_task

__all__ = ["build_module"]


def build_module(recipe: Recipe, labels: tuple[str, ...], spec: InputSpec) -> nn.Module:
    """Build a recipe's network with fresh weights, for the labels and the input of a contract.

    Raises
    ------
    UsageError
        No such network, an argument that it does not take, or another number of classes.
    RecipeError
        The network cannot read the recipe's input.
    """
    task = training_task(recipe)
    given = task.arguments(labels, spec)
    arguments = {**_followed(recipe, spec), **given, **recipe.model.arguments}
    for name, value in given.items():
        if arguments[name] != value:
            raise UsageError(
                f"the recipe asks for {arguments[name]} {name}, the data has {value}",
                hint=f"leave model.arguments.{name} out",
            )
    try:
        module = create_model(recipe.model.name, **arguments)
    except TypeError as error:
        raise RecipeError(
            f"{recipe.model.name} cannot be built with {arguments}: {_first_line(error)}"
        ) from error
    except ShapeError as error:
        raise _cannot_read(recipe, spec, error) from error
    _try(module, recipe, spec, task.output_shape(labels, spec))
    return module


def _try(
    module: nn.Module, recipe: Recipe, spec: InputSpec, expected: tuple[int | None, ...] | None
) -> None:
    """Run the network once, on nothing: a wrong size shall not cost a reading of all data."""
    numbers = isinstance(spec, TextInput | CharacterInput)
    shapes = spec.tensors
    inputs = {name: torch.zeros(1, *shape) for name, shape in shapes.items()}
    if numbers:
        inputs[spec.name] = inputs[spec.name].long()
    try:
        with torch.no_grad(), checked_shapes(module):
            answer = module.eval()(**inputs)
    # What PyTorch raises for sizes and arguments that do not fit.
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise _cannot_read(recipe, spec, error) from error
    found = tuple((answer[0] if isinstance(answer, tuple) else answer).shape)
    fits = expected is None or (
        len(found) == len(expected) + 1
        and all(size in (None, one) for one, size in zip(found[1:], expected, strict=True))
    )
    if not fits:
        raise RecipeError(
            f"{recipe.model.name} answers {_described(spec)} with shape {found}, "
            f"not {(1, *(expected or ()))}"
        )


def _followed(recipe: Recipe, spec: InputSpec) -> dict[str, Argument]:
    """Return what the network's arguments must be for this input; a recipe may say otherwise."""
    # Networks read channels first; an input with them last is refused when it is tried.
    if isinstance(spec, ImageInput) and spec.layout != "NCHW":
        return {}
    return architecture(recipe.model.name).arguments_for(spec.tensors)


def _described(spec: InputSpec) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in spec.tensors.items())


def _cannot_read(recipe: Recipe, spec: InputSpec, error: Exception) -> RecipeError:
    return RecipeError(
        f"{recipe.model.name} cannot read {_described(spec)}: {_first_line(error)}",
        hint="change the recipe's input, or model.arguments",
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
