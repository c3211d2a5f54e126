"""Recipes back to TOML: what differs from the defaults, so that it reads like a written one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import tomli_w
from msgspec import Struct

from edgecnn.training.recipe import Recipe

__all__ = ["recipe_toml"]


def recipe_toml(recipe: Recipe, *, remarks: Sequence[str] = ()) -> str:
    """Write a recipe down as a file that :func:`~edgecnn.training.recipe.load_recipe` reads back.

    Parameters
    ----------
    recipe : Recipe
    remarks : sequence of str
        Lines for the head of the file.

    Examples
    --------
    >>> from edgecnn.training.recipe import load_recipe
    >>> print(recipe_toml(load_recipe("mnist-lenet5"), remarks=["as it comes"])[:35])
    # as it comes
    name = "mnist-lenet5"
    """
    head = "".join(f"# {line}\n" for remark in remarks for line in remark.splitlines())
    return head + tomli_w.dumps(_told(recipe))


def _told(struct: Struct) -> dict[str, Any]:
    """Return a table without what is left at its default."""
    built = msgspec.to_builtins(struct)
    table: dict[str, Any] = {}
    config = struct.__struct_config__
    if config.tag_field is not None:
        table[config.tag_field] = config.tag
    for field in msgspec.structs.fields(type(struct)):
        value = getattr(struct, field.name)
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        # There is no null in TOML; what may be None has it for its default.
        if value is None or value == default:
            continue
        inner = isinstance(value, Struct)
        table[field.encode_name] = _told(value) if inner else built[field.encode_name]
    return table
