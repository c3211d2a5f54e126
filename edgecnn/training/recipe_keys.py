"""Keys of a recipe as people write them: with their table, or bare where one table alone has them.

Examples
--------
>>> raw = {"model": {"name": "lenet5"}, "train": {"epochs": 40}}
>>> override(raw, "epochs=3")
>>> override(raw, "dropout=0.2")
>>> raw
{'model': {'name': 'lenet5', 'arguments': {'dropout': 0.2}}, 'train': {'epochs': 3}}
"""

from __future__ import annotations

import tomllib
from typing import Any

import msgspec
from msgspec import Struct

from edgecnn.errors import RecipeError
from edgecnn.models import architecture, model_names
from edgecnn.training.augment_choice import BeatAugment, ImageAugment
from edgecnn.training.settings import TrainSettings
from edgecnn.training.text_choice import TextAugment

__all__ = ["ALIASES", "full_key", "override", "struct_keys"]

ALIASES = {"lr": "train.peak_rate"}

_AUGMENTS: dict[str, type[Struct]] = {
    "image": ImageAugment,
    "beat": BeatAugment,
    "text": TextAugment,
}


def struct_keys(kind: type[Struct]) -> tuple[str, ...]:
    """Return the keys of a table."""
    return tuple(field.name for field in msgspec.structs.fields(kind))


def full_key(key: str, *, network: str = "", augment: type[Struct] | None = None) -> str | None:
    """Return ``table.key`` of a bare name.

    It is looked for in ``[train]``, then among the arguments of the network, then in
    ``[augment]``; ``lr`` is the peak learning rate. A key with a table is returned as it is.

    Parameters
    ----------
    key : str
    network : str
        The recipe's ``model.name``; another word than a registered network's has no arguments.
    augment : type, optional
        What the recipe's table ``[augment]`` is read as.

    Returns
    -------
    str or None
        None where no table has it.

    Examples
    --------
    >>> [full_key(key, network="lenet5") for key in ("lr", "momentum", "dropout", "flip")]
    ['train.peak_rate', 'train.momentum', 'model.arguments.dropout', None]
    """
    key = ALIASES.get(key, key)
    if "." in key:
        return key
    if key in struct_keys(TrainSettings):
        return f"train.{key}"
    # Only now: this loads the network's module, and PyTorch with it.
    if network in model_names() and key in architecture(network).arguments:
        return f"model.arguments.{key}"
    if augment is not None and key in struct_keys(augment):
        return f"augment.{key}"
    return None


def override(raw: dict[str, Any], text: str, *, tables: tuple[str, ...] = ()) -> None:
    """Change one value of a recipe as parsed, in place.

    Parameters
    ----------
    raw : dict
        The recipe as its TOML file has it.
    text : str
        ``table.key=value``, or ``key=value`` with what :func:`full_key` takes. The value is in
        TOML's notation; a bare word is a string.
    tables : tuple of str
        Keys at the top of a recipe, which need no table.

    Raises
    ------
    RecipeError
        Not of that form, a bare key that no table has, or a key below a value.
    """
    key, equals, written = text.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise RecipeError(f"cannot read the override {text!r}", hint="write it as train.epochs=3")
    if len(parts) == 1 and parts[0] not in tables:
        found = _full_key(raw, parts[0])
        if found is None:
            raise RecipeError(
                f"a recipe has no key {parts[0]!r}",
                hint="write it with its table, as in input.height; in [train] there are: "
                + ", ".join(struct_keys(TrainSettings)),
            )
        parts = found.split(".")
    try:
        value = tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError:
        value = written.strip()
    table = raw
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise RecipeError(f"cannot set {key.strip()}: {part} is not a table of the recipe")
    table[parts[-1]] = value


def _full_key(raw: dict[str, Any], key: str) -> str | None:
    model, augment = raw.get("model"), raw.get("augment")
    network = model.get("name") if isinstance(model, dict) else None
    kind = augment.get("kind") if isinstance(augment, dict) else None
    return full_key(key, network=str(network), augment=_AUGMENTS.get(str(kind)))
