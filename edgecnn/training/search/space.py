"""What a search may change: values to try, and ranges to draw from."""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from edgecnn.errors import UsageError
from edgecnn.training.augment_choice import ImageAugment
from edgecnn.training.recipe import Recipe
from edgecnn.training.recipe_keys import full_key, struct_keys
from edgecnn.training.settings import TrainSettings

__all__ = [
    "Axis",
    "Grid",
    "Range",
    "Value",
    "as_override",
    "grid_points",
    "read_axes",
    "read_grid",
    "read_range",
    "searched_key",
]

#: What a recipe's key may be set to.
Value = bool | int | float | str | list[Any]

#: Trials would be scored on other examples, or be trainings of something else.
_FIXED = {
    "data.train": "trials would not be scored on the same examples",
    "data.validation": "trials would not be scored on the same examples",
    "train.seed": "it decides which examples validate, so trials would not be comparable",
    "data.test": "a search leaves the test set closed",
    "name": "it changes nothing of the training",
    "title": "it changes nothing of the training",
    "task": "trials would be scored differently",
}


class Grid(Struct, frozen=True, kw_only=True, tag="grid"):
    """Values of a recipe's key, each of which may be tried.

    Attributes
    ----------
    key : str
        ``table.key``, as ``--set`` takes it.
    values : tuple
    """

    key: str
    values: tuple[Value, ...]

    @property
    def samples(self) -> tuple[Value, ...]:
        """Values that must all be possible for the axis to be."""
        return self.values


class Range(Struct, frozen=True, kw_only=True, tag="range"):
    """A range that a key's value is drawn from; of whole numbers when both ends are.

    Attributes
    ----------
    key : str
    low, high : int or float
        Both may be drawn.
    log : bool
        Draw the logarithm evenly, not the value.
    """

    key: str
    low: int | float
    high: int | float
    log: bool = False

    @property
    def whole(self) -> bool:
        """Whether whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def samples(self) -> tuple[Value, ...]:
        """Values that must all be possible for the axis to be."""
        return (self.low, self.high)

    def rounded(self, value: float) -> int | float:
        """Round a drawn value to what one would write down: four significant digits.

        Examples
        --------
        >>> Range(key="train.peak_rate", low=1e-3, high=1.0, log=True).rounded(0.0443037524)
        0.0443
        """
        if self.whole:
            return int(value)
        return min(max(float(f"{value:.4g}"), float(self.low)), float(self.high))


Axis = Grid | Range


def read_axes(grids: Sequence[str], ranges: Sequence[str], recipe: Recipe) -> tuple[Axis, ...]:
    """Read all axes of a search: grids first, each kind in the order in which it was given.

    Raises
    ------
    UsageError
        None at all, one that cannot be read, or a key twice.
    """
    axes: list[Axis] = [read_grid(text, recipe) for text in grids]
    axes += [read_range(text, recipe) for text in ranges]
    if not axes:
        raise UsageError(
            "there is nothing to search through",
            hint="--grid lr=0.05,0.1,0.2, or --range train.weight_decay=1e-5..1e-2:log",
        )
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise UsageError(f"{key} is searched twice", hint="give all of its values at once")
    return tuple(axes)


def read_grid(text: str, recipe: Recipe) -> Grid:
    """Read ``KEY=VALUE,VALUE,...``, with values in TOML's notation (a bare word is a string).

    Raises
    ------
    UsageError
        Not of that form, a key that is not searched, or a value twice.
    """
    key, listed = _split(text, recipe, "--grid train.peak_rate=0.05,0.1")
    values = _toml_array(listed)
    if values is None:
        parts = [part.strip() for part in listed.split(",")]
        values = [_word(part) for part in parts]
    if not values or not all(map(_is_value, values)):
        raise UsageError(
            f"cannot read the values of {key}: {listed!r}",
            hint="write numbers or words with commas between: 0.05,0.1,0.2",
        )
    for number, value in enumerate(values):
        # 1, 1.0 and true are one value to Python, and to whoever reads the results.
        if value in values[:number]:
            raise UsageError(f"{key} has the value {value} twice")
    return Grid(key=key, values=tuple(values))


def read_range(text: str, recipe: Recipe) -> Range:
    """Read ``KEY=LOW..HIGH``, or ``KEY=LOW..HIGH:log``.

    Raises
    ------
    UsageError
        Not of that form, a key that is not searched, or no range.
    """
    key, written = _split(text, recipe, "--range train.peak_rate=1e-3..1:log")
    match = re.fullmatch(r"\s*(\S+?)\.\.(\S+?)(:log)?\s*", written)
    low, high = (_number(match[1]), _number(match[2])) if match else (None, None)
    if match is None or low is None or high is None:
        raise UsageError(
            f"cannot read the range of {key}: {written!r}", hint="write it as 1e-3..1:log or 16..64"
        )
    log = match[3] is not None
    if low >= high:
        raise UsageError(f"{key} has no range from {low} to {high}", hint="the lower end is first")
    if log and low <= 0:
        raise UsageError(
            f"{key} cannot be drawn by logarithm from {low}", hint="start above zero, or leave :log"
        )
    return Range(key=key, low=low, high=high, log=log)


def searched_key(key: str, recipe: Recipe) -> str:
    """Return ``table.key`` of a key that may be given without its table.

    A bare name is found as :func:`~edgecnn.training.recipe_keys.full_key` does.

    Raises
    ------
    UsageError
        No such name, or one that a search must leave alone.

    Examples
    --------
    >>> from edgecnn.training.recipe import load_recipe
    >>> [searched_key(key, load_recipe("mnist-lenet5")) for key in ("lr", "momentum", "dropout")]
    ['train.peak_rate', 'train.momentum', 'model.arguments.dropout']
    """
    full = key if key in _FIXED else _full(key, recipe)
    if full in _FIXED:
        raise UsageError(f"{full} cannot be searched: {_FIXED[full]}")
    return full


def grid_points(axes: Sequence[Axis]) -> Iterator[dict[str, Value]]:
    """Yield every combination of the values of grids; the last axis changes fastest."""
    grids = [axis for axis in axes if isinstance(axis, Grid)]
    for point in itertools.product(*(grid.values for grid in grids)):
        yield {grid.key: value for grid, value in zip(grids, point, strict=True)}


def as_override(key: str, value: Value) -> str:
    """Return what :func:`~edgecnn.training.recipe.load_recipe` takes to set a key to a value.

    Examples
    --------
    >>> as_override("model.arguments.widths", [8, 16]), as_override("train.optimizer", "adamw")
    ('model.arguments.widths=[8, 16]', 'train.optimizer="adamw"')
    """
    # JSON's notation of these is TOML's as well.
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def _split(text: str, recipe: Recipe, example: str) -> tuple[str, str]:
    key, equals, rest = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts) or not rest.strip():
        raise UsageError(f"cannot read {text!r}", hint=f"write it as {example}")
    return searched_key(".".join(parts), recipe), rest


def _full(key: str, recipe: Recipe) -> str:
    augment = type(recipe.augment or ImageAugment())
    full = full_key(key, network=recipe.model.name, augment=augment)
    if full is None:
        raise UsageError(
            f"the recipe has no key {key!r} to search",
            hint="write it with its table, as in train.weight_decay; in [train] there are: "
            + ", ".join(struct_keys(TrainSettings)),
        )
    return full


def _is_value(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value != "" and isinstance(value, bool | int | str | list)


def _toml_array(text: str) -> list[Any] | None:
    try:
        read: Mapping[str, list[Any]] = tomllib.loads(f"values = [{text}]")
    except tomllib.TOMLDecodeError:
        return None
    return read["values"]


def _word(text: str) -> Value:
    values = _toml_array(text)
    word: Value = values[0] if values is not None and len(values) == 1 else text
    return word


def _number(text: str) -> int | float | None:
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None
