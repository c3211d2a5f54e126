"""A contract written by hand, for a network that brings none."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, get_args

import msgspec

from edgecnn.errors import MetadataError, MissingFileError
from edgecnn.metadata.bad_values import describe_bad_value
from edgecnn.metadata.contract import InputSpec, ModelMetadata
from edgecnn.metadata.unknown_keys import refuse_unknown

__all__ = ["read_contract"]


def read_contract(path: str | os.PathLike[str]) -> ModelMetadata:
    """Read a contract from a TOML file.

    Parameters
    ----------
    path : path
        With the fields of :class:`~edgecnn.metadata.ModelMetadata`: ``name``, ``task``,
        ``labels`` and tables ``[input]`` (``kind = "image"``, ...) and ``[output]``. The name is
        the file's unless given, the task ``classify``.

    Raises
    ------
    MissingFileError
        No such file.
    MetadataError
        Not TOML, an unknown key, or a value that the contract does not allow; the message names
        the field.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"no such metadata file: {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise MetadataError(f"{path} is not a readable TOML file: {error}") from error
    content.setdefault("name", path.stem)
    content.setdefault("task", "classify")
    try:
        contract = msgspec.convert(content, ModelMetadata)
    except msgspec.ValidationError as error:
        message, hint = describe_bad_value(error, content, ModelMetadata)
        raise MetadataError(
            f"{path}: {message}",
            hint=hint or _needed(content),
        ) from error
    known = msgspec.to_builtins(contract)
    refuse_unknown(content, known, str(path), error=MetadataError, whole="a contract")
    return contract


def _needed(content: dict[str, Any]) -> str:
    """Say what a contract cannot do without, for the kind of input that this one has."""
    kinds = {str(one.__struct_config__.tag): one for one in get_args(InputSpec)}
    given = content.get("input")
    kind = given.get("kind") if isinstance(given, dict) else None
    kind = kind if kind in kinds else "image"
    fields = ", ".join(
        field.name for field in msgspec.structs.fields(kinds[kind]) if field.required
    )
    return f'needed: [input] with kind = "{kind}", {fields}; labels = [...] for a classifier'
