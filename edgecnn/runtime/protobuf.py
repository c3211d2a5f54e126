"""The wire format of protocol buffers, as far as reading an ONNX file takes it.

The ``onnx`` package is not on a device, and ONNX Runtime tells neither nodes nor weights of a file.
What it does not tell is read from the bytes here: one message at a time, weights never copied.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

__all__ = ["Value", "fields", "message", "number_field", "numbers", "parts", "text"]

#: A number, or the bytes of a text, an array or a message.
Value = int | memoryview

_FIXED = {1: 8, 5: 4}


def fields(content: bytes | memoryview) -> Iterator[tuple[int, Value]]:
    """Split a message into field numbers and values, without going deeper.

    Raises
    ------
    ValueError
        It is no message, or is cut short.
    """
    for number, value, _ in parts(content):
        yield number, value


def parts(content: bytes | memoryview) -> Iterator[tuple[int, Value, memoryview]]:
    """Split a message as :func:`fields` does, and give each field as it is written, too."""
    view = memoryview(content)
    at = 0
    while at < len(view):
        first = at
        key, at = _varint(view, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(view, at)
            yield number, value, view[first:at]
            continue
        if kind == 2:
            length, at = _varint(view, at)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise ValueError(f"no field is of kind {kind}")
        if at + length > len(view) or number == 0:
            raise ValueError("a field ends beyond its message")
        yield number, view[at : at + length], view[first : at + length]
        at += length


def text(value: Value | None) -> str:
    """Read a string field; empty where there is none."""
    return bytes(value).decode("utf-8", "replace") if isinstance(value, memoryview) else ""


def numbers(values: Sequence[Value]) -> list[int]:
    """Read a repeated field of integers, packed or not, of two's complement."""
    found: list[int] = []
    for value in values:
        if isinstance(value, int):
            found.append(_signed(value))
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            found.append(_signed(number))
    return found


def number32(value: Value) -> float:
    """Read a float field."""
    return float(struct.unpack("<f", value)[0]) if isinstance(value, memoryview) else 0.0


def message(number: int, content: bytes) -> bytes:
    """Write one field that holds a message, a text or bytes.

    Examples
    --------
    >>> message(1, b"ab").hex()
    '0a026162'
    """
    return _written(number << 3 | 2) + _written(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    """Write one field that holds an integer of 0 or more.

    Examples
    --------
    >>> number_field(3, 150).hex()
    '189601'
    """
    return _written(number << 3) + _written(value)


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(view) or shift > 63:
            raise ValueError("a number is cut short")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _written(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
