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
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from edgecnn.errors import MissingFileError, RecipeError
from edgecnn.metadata import (
    BeatInput,
    ImageInput,
    Output,
    SignalInput,
    Task,
    refuse_unknown,
)
from edgecnn.training.text_choice import CharacterChoice, TextAugment, WordChoice

__all__ = [
    "BeatAugment",
    "DataChoice",
    "ImageAugment",
    "ModelChoice",
    "Recipe",
    "TrainSettings",
    "Transfer",
    "flat_settings",
    "load_recipe",
    "recipe_names",
]

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]
#: Small enough that a seed of every epoch, which is a multiple of it, fits into 64 bits.
Seed = Annotated[int, Meta(ge=0, lt=2**32)]


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


class ImageAugment(Struct, frozen=True, kw_only=True, tag="image", tag_field="kind"):
    """Random changes to pictures, each drawn anew for every picture of every epoch.

    Attributes
    ----------
    rotate_deg, shear_deg : float
        Largest angle, to either side.
    scale, shift : float
        Largest change of size, as a share; largest shift, as a share of the picture's side.
    crop : int
        Pixels of reflected border, from which a window of the picture's size is cut; fewer than
        the picture has.
    flip : bool
        Whether half of the pictures are mirrored left to right.
    cutout : int
        Side in pixels of a square that is set to the mean (DeVries & Taylor 2017,
        arXiv:1708.04552).
    mixup : float
        Parameter of the Beta distribution by which two pictures and their labels are blended
        (Zhang et al. 2018, arXiv:1710.09412); 0 blends none.
    cutmix : float
        The same for a rectangle of one picture that is put into another (Yun et al. 2019,
        arXiv:1905.04899). With both, each batch gets one of the two at random.
    mixed : float
        Share of the batches that are mixed at all; the paper on CutMix mixes half of CIFAR's.
    """

    rotate_deg: NotNegative = 0.0
    shear_deg: NotNegative = 0.0
    scale: Share = 0.0
    shift: Share = 0.0
    crop: Count = 0
    flip: bool = False
    cutout: Count = 0
    mixup: NotNegative = 0.0
    cutmix: NotNegative = 0.0
    mixed: Annotated[float, Meta(ge=0, le=1)] = 1.0


class BeatAugment(Struct, frozen=True, kw_only=True, tag="beat", tag_field="kind"):
    """Random changes to heartbeats.

    Attributes
    ----------
    amplitude : float
        Largest change of the beat's size against its template, as a share.
    invert : float
        Share of beats that are turned upside down with their template: an electrode elsewhere.
    filter : float
        Standard deviation of the taps of a random short filter over beat and template, centred on
        the identity: another person's or electrode's shape of the same beat.
    shift : int
        Largest shift in samples: detectors do not all put the R peak on the same sample.
    noise : float
        Standard deviation of added noise, in units of the template's root mean square.
    rhythm : float
        Standard deviation of noise added to the logarithms of the RR ratios.
    likeness : float
        Of noise added to the numbers that say how a beat resembles the usual one.
    """

    amplitude: Share = 0.0
    invert: Share = 0.0
    filter: NotNegative = 0.0
    shift: Count = 0
    noise: NotNegative = 0.0
    rhythm: NotNegative = 0.0
    likeness: NotNegative = 0.0


class Transfer(Struct, frozen=True, kw_only=True):
    """How a training starts from another one's weights.

    Attributes
    ----------
    source : str
        Folder of a finished training, ``.safetensors``, or a plain state dictionary in a ``.pt``.
        Empty trains from scratch, as a recipe without this table does: to see what it is worth.
    keys : str
        TOML file that maps the names of its weights to ours, where they differ.
    keep_head : bool
        Take over the last layers too; else they start fresh.
    train_stages : int, optional
        How many stages below the head learn, the last ones first: 0 trains the head alone. The
        default trains all.
    unfreeze_every : int
        Epochs after which one more stage begins to learn (Howard & Ruder 2018, arXiv:1801.06146);
        0 leaves it at ``train_stages``.
    rate_decay : float
        The rate of each stage is that of the one above it times this.
    """

    source: str
    keys: str = ""
    keep_head: bool = False
    train_stages: Count | None = None
    unfreeze_every: Count = 0
    rate_decay: Annotated[float, Meta(gt=0, le=1)] = 1.0


class TrainSettings(Struct, frozen=True, kw_only=True):
    """How the weights are found.

    Attributes
    ----------
    epochs, batch : int
    optimizer : "sgd" or "adamw"
        SGD with Nesterov momentum, or AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101).
    peak_rate : float
        Highest learning rate.
    schedule : "one-cycle", "cosine", "step" or "constant"
        How it goes on: see :func:`~edgecnn.training.schedule.learning_rate`. One-cycle is Smith &
        Topin 2018 (arXiv:1708.07120), cosine Loshchilov & Hutter 2017 (arXiv:1608.03983).
    warmup : float
        Share of all steps in which the rate rises.
    step_at : tuple of float
        For ``step``: shares of all steps after which the rate is multiplied by ``step_factor``.
    momentum, weight_decay : float
        Weight decay acts on weights, not on biases and normalisation.
    label_smoothing : float
        Szegedy et al. 2016, arXiv:1512.00567.
    ema_decay : float
        Of the moving average of the weights, which is what is validated and kept; 0 keeps the
        last weights.
    clip_norm : float
        Largest norm of the gradient; 0 does not clip.
    precision : "fp32" or "bf16"
        ``bf16`` computes convolutions and products in bfloat16; weights stay float32.
    channels_last : bool
        Keep pictures with their channels innermost in memory, which bfloat16 convolutions like.
    balance : float
        Exponent of the class's size by which its examples are drawn more rarely: 0 draws every
        example once an epoch, 0.5 by 1/√n, 1 draws all classes equally often.
    loss_balance : float
        Exponent of the class's size by which its examples weigh less in the loss: 0 weighs all
        alike, 1 gives every class the same weight.
    keep : "last" or "best"
        Which epoch's weights are kept: by validation loss, or simply the last.
    patience : int
        Stop after so many epochs without a lower validation loss; 0 never does. The schedule is
        that of all ``epochs``.
    seed : int
    """

    epochs: Positive
    batch: Positive
    optimizer: Literal["sgd", "adamw"] = "sgd"
    peak_rate: PositiveFloat
    schedule: Literal["one-cycle", "cosine", "step", "constant"] = "one-cycle"
    warmup: Share = 0.25
    step_at: tuple[Share, ...] = (0.5, 0.75)
    step_factor: Annotated[float, Meta(gt=0, le=1)] = 0.1
    momentum: Share = 0.9
    weight_decay: NotNegative = 0.0
    label_smoothing: Share = 0.0
    ema_decay: Share = 0.0
    clip_norm: NotNegative = 0.0
    precision: Literal["fp32", "bf16"] = "fp32"
    channels_last: bool = False
    balance: Annotated[float, Meta(ge=0, le=1)] = 0.0
    loss_balance: Annotated[float, Meta(ge=0, le=1)] = 0.0
    keep: Literal["last", "best"] = "last"
    patience: Count = 0
    seed: Seed = 0


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
        ``table.key=value`` with a value in TOML's notation (a bare word is a string).

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
    for override in overrides:
        _apply(raw, override)
    try:
        recipe = msgspec.convert(raw, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(f"{where}: {error}") from error
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

    tables = ["model", "data", "augment", "train", "transfer"]
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


def _apply(raw: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise RecipeError(
            f"cannot read the override {override!r}", hint="write it as train.epochs=3"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    table = raw
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise RecipeError(f"cannot set {key}: {part} is not a table of the recipe")
    table[parts[-1]] = value


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
