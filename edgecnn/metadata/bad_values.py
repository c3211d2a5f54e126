"""Hand-written documents: what is wrong with a value, in the words of who wrote it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import inspect

__all__ = ["describe_bad_value"]

#: What msgspec calls the kinds of values, and what a TOML file calls them.
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def describe_bad_value(
    error: msgspec.ValidationError, raw: Any, kind: type
) -> tuple[str, str | None]:
    """Say which value of a document its type refuses, and what it could be.

    Parameters
    ----------
    error : msgspec.ValidationError
        What :func:`msgspec.convert` raised.
    raw : dict
        The document as parsed.
    kind : type
        What it was to become.

    Returns
    -------
    message : str
        ``"train.epochs is 0: expected a whole number >= 1"``
    hint : str or None
        The words that can stand there, where only some can.

    Examples
    --------
    >>> from edgecnn.metadata.image_input import ImageInput
    >>> raw = {"kind": "image", "height": 28, "width": 28, "colour": "red"}
    >>> try:
    ...     msgspec.convert(raw, ImageInput)
    ... except msgspec.ValidationError as error:
    ...     describe_bad_value(error, raw, ImageInput)
    ("colour cannot be 'red'", 'there are: bgr, gray, rgb')
    """
    complaint, _, place = str(error).partition(" - at `$")
    # An element of a list or of a table of the user's own names has no name there.
    place, _, deeper = place.rstrip("`").partition("[")
    keys = [key for key in place.split(".") if key]
    missing = re.fullmatch(r"Object missing required field `(.+)`", complaint)
    if missing:
        keys.append(missing[1])
        return f"{'.'.join(keys)} is missing", _hint(_words(kind, raw, keys))
    path, value = ".".join(keys), _value_at(raw, keys)
    if deeper and deeper[0].isdecimal() and isinstance(value, list):
        value = value[int(deeper.partition("]")[0])]
    words = _words(kind, raw, keys)
    if words and value is not None:
        return f"{path} cannot be {value!r}", _hint(words)
    wanted = re.sub(r"`([^`]+)`", _kind_name, complaint.partition(", got")[0])
    wanted = wanted[0].lower() + wanted[1:]
    if not path:
        return wanted, None
    told = value is not None and not isinstance(value, dict | list)
    return (f"{path} is {value!r}: {wanted}" if told else f"{path}: {wanted}"), None


def _kind_name(match: re.Match[str]) -> str:
    names = [name for name in match[1].split(" | ") if name != "null"]
    return " or ".join(_KINDS.get(name, name) for name in names)


def _hint(words: list[str]) -> str | None:
    return f"there are: {', '.join(words)}" if words else None


def _value_at(raw: Any, keys: list[str]) -> Any:
    """Return what stands there; None where nothing does, or an element of a list is meant."""
    for key in keys:
        if not isinstance(raw, dict) or key not in raw:
            return None
        raw = raw[key]
    return raw


def _words(kind: type, raw: Any, keys: list[str]) -> list[str]:
    """Return the only words that may stand at a place of a document, if there are such."""
    found = [inspect.type_info(kind)]
    for number, key in enumerate(keys):
        structs = [each for each in _members(found) if isinstance(each, inspect.StructType)]
        if any(each.tag_field == key for each in structs):
            return [str(each.tag) for each in structs]
        table = _value_at(raw, keys[:number])
        tagged = [
            each
            for each in structs
            if isinstance(table, dict) and table.get(each.tag_field) == each.tag
        ]
        found = [
            field.type
            for each in tagged or structs
            for field in each.fields
            if field.encode_name == key
        ]
    words: list[str] = []
    for each in _members(found):
        if isinstance(each, inspect.LiteralType):
            words += map(str, each.values)
        elif isinstance(each, inspect.EnumType):
            words += [str(member.value) for member in each.cls]
    return words


def _members(types: list[inspect.Type]) -> list[inspect.Type]:
    """Return types with unions taken apart."""
    members: list[inspect.Type] = []
    for each in types:
        members += each.types if isinstance(each, inspect.UnionType) else (each,)
    return members
