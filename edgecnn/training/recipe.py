"""Recipes: what to train, on what, and how, in a TOML file that anyone can rerun.

Examples
--------
>>> recipe = load_recipe("mnist-lenet5", overrides=("train.epochs=3",))
>>> recipe.model.name, recipe.train.epochs
('lenet5', 3)
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from edgecnn.errors import MissingFileError, RecipeError
from edgecnn.metadata import (
    BeatInput,
    ImageInput,
    Output,
    SignalInput,
    Task,
    describe_bad_value,
    refuse_unknown,
)
from edgecnn.metadata.constraints import Positive, Share
from edgecnn.training.augment_choice import BeatAugment, ImageAugment
from edgecnn.training.recipe_keys import override, struct_keys
from edgecnn.training.settings import TrainSettings, Transfer
from edgecnn.training.text_choice import CharacterChoice, TextAugment, WordChoice

__all__ = [
    "DataChoice",
    "ImaginedRhythms",
    "ModelChoice",
    "Recipe",
    "flat_settings",
    "load_recipe",
    "recipe_names",
]


class ModelChoice(Struct, frozen=True, kw_only=True):
    """A registered network and its builder's arguments (``classes`` is known from the labels)."""

    name: str
    arguments: dict[str, bool | int | float | str | list[int]] = field(default_factory=dict)


class DataChoice(Struct, frozen=True, kw_only=True):
    """Datasets by name or path.

    Attributes
    ----------
    train, test : str
        As :func:`edgecnn.data.open_dataset` takes them. The test set is read once, at the end.
    validation : float
        Share of the training set that is set aside to choose by: by class, by whole records, or
        the end of a text.
    limit : int, optional
        Train on so many examples only, for a quick try.
    leave_out : tuple of str
        Annotation symbols of heartbeats that are not trained on. They are in the test, and in
        folds that are scored.
    """

    train: str
    test: str = ""
    validation: Annotated[float, Meta(ge=0, le=0.5)] = 0.1
    limit: Positive | None = None
    leave_out: tuple[str, ...] = ()


class ImaginedRhythms(Struct, frozen=True, kw_only=True):
    """Rhythms put together of the training set's own heartbeats, as shares of what is trained on.

    Attributes
    ----------
    bursts : float
        Supraventricular ectopic beats in bursts, with pauses between.
    fibrillation : float
        Normal and ventricular beats at the intervals of fibrillating atria.
    """

    bursts: Share = 0.0
    fibrillation: Share = 0.0


class Recipe(Struct, frozen=True, kw_only=True):
    """A whole recipe; each table of the TOML file is one field."""

    name: str
    title: str = ""
    task: Task = "classify"
    model: ModelChoice
    data: DataChoice
    input: ImageInput | BeatInput | SignalInput | WordChoice | CharacterChoice
    output: Output = field(default_factory=Output)
    augment: ImageAugment | BeatAugment | TextAugment | None = None
    imagined: ImaginedRhythms | None = None
    train: TrainSettings
    transfer: Transfer | None = None


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with edgecnn."""
    folder = files("edgecnn.training").joinpath("recipes")
    names = (entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return tuple(sorted(name.removesuffix(".toml") for name in names))


def load_recipe(source: str | os.PathLike[str], *, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, changing single values.

    Parameters
    ----------
    source : str or path
        A bundled recipe's name, or the path of a ``.toml`` file.
    overrides : sequence of str
        ``table.key=value`` with a value in TOML's notation (a bare word is a string). The table can
        be left out where :func:`~edgecnn.training.recipe_keys.full_key` finds it.

    Raises
    ------
    RecipeError
        No such recipe, not TOML, an unknown key, or a value of the wrong type or range.
    MissingFileError
        No such file.
    """
    text, where = _read(os.fspath(source))
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where} is not valid TOML: {error}") from error
    for text in overrides:
        override(raw, text, tables=struct_keys(Recipe))
    try:
        recipe = msgspec.convert(raw, Recipe)
    except msgspec.ValidationError as error:
        message, hint = describe_bad_value(error, raw, Recipe)
        raise RecipeError(f"{where}: {message}", hint=hint) from error
    refuse_unknown(raw, msgspec.to_builtins(recipe), where, error=RecipeError, whole="a recipe")
    if recipe.transfer is not None and not recipe.transfer.source:
        recipe = msgspec.structs.replace(recipe, transfer=None)
    _check_consistency(recipe, where)
    return recipe


def flat_settings(recipe: Recipe) -> dict[str, str | int | float | bool]:
    """Flatten a recipe into ``table.key`` to value, as the exported file records it.

    Examples
    --------
    >>> flat_settings(load_recipe("mnist-lenet5"))["train.optimizer"]
    'sgd'
    """
    flat: dict[str, str | int | float | bool] = {}

    def walk(value: Any, key: str) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                walk(part, f"{key}.{name}" if key else str(name))
        elif isinstance(value, list | tuple):
            flat[key] = ",".join(str(part) for part in value)
        elif value is not None:
            flat[key] = value

    tables = ["model", "data", "augment", "imagined", "train", "transfer"]
    if isinstance(recipe.input, WordChoice | CharacterChoice):
        # Of the other kinds the contract itself says all.
        tables.append("input")
    built = msgspec.to_builtins(recipe)
    walk({table: built[table] for table in tables if built[table] is not None}, "")
    return flat


def _read(source: str) -> tuple[str, str]:
    if source in recipe_names():
        bundled = files("edgecnn.training").joinpath(f"recipes/{source}.toml")
        return bundled.read_text("utf-8"), f"recipe {source}"
    path = Path(source)
    if path.suffix != ".toml":
        raise RecipeError(
            f"no recipe named {source!r}",
            hint=f"there are: {', '.join(recipe_names())}; or name a .toml file",
        )
    try:
        return path.read_text("utf-8"), str(path)
    except FileNotFoundError as error:
        raise MissingFileError(f"no such file: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read {path}: {error}") from error


def _check_consistency(recipe: Recipe, where: str) -> None:
    kinds: dict[type, type] = {
        ImageAugment: ImageInput,
        BeatAugment: BeatInput,
        TextAugment: WordChoice,
    }
    if recipe.augment is not None and not isinstance(recipe.input, kinds[type(recipe.augment)]):
        raise RecipeError(
            f"{where}: augment.kind does not fit input.kind",
            hint="both are 'image', both are 'beat', or both are 'text'",
        )
    if isinstance(recipe.augment, ImageAugment) and isinstance(recipe.input, ImageInput):
        side = min(recipe.input.height, recipe.input.width)
        if recipe.augment.crop >= side:
            raise RecipeError(
                f"{where}: augment.crop={recipe.augment.crop} needs pictures larger than that, "
                f"but input is {recipe.input.height} by {recipe.input.width}",
                hint=f"take at most {side - 1}; an eighth of the side is usual",
            )
    if recipe.imagined is not None:
        if not isinstance(recipe.input, BeatInput):
            raise RecipeError(
                f"{where}: imagined rhythms are of heartbeats", hint='they need input.kind = "beat"'
            )
        if recipe.imagined.bursts + recipe.imagined.fibrillation >= 1:
            raise RecipeError(
                f"{where}: nothing would be left of the beats as they were recorded",
                hint="imagined.bursts and imagined.fibrillation are shares, together below 1",
            )
    if isinstance(recipe.input, CharacterChoice) != (recipe.task == "generate"):
        raise RecipeError(
            f"{where}: input.kind does not fit the task {recipe.task}",
            hint='task = "generate" goes with kind = "characters", and only with it',
        )
    for setting, asked in (
        ("keep='best'", recipe.train.keep == "best"),
        (f"patience={recipe.train.patience}", recipe.train.patience > 0),
    ):
        if asked and recipe.data.validation == 0:
            raise RecipeError(
                f"{where}: train.{setting} needs data.validation above 0",
                hint="set a share aside, or keep the last epoch",
            )
