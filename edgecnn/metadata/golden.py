"""Raw inputs that travel with a file, and what it made of them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edgecnn.metadata.constraints import Count, PositiveFloat
from edgecnn.metadata.contract import SCHEMA

__all__ = ["GOLDEN_LIMIT_BYTES", "Golden", "GoldenExample"]

#: Most bytes that the golden document may take in a file.
GOLDEN_LIMIT_BYTES = 64 * 1024


class GoldenExample(Struct, frozen=True, kw_only=True):
    """One raw input and the logits that the file gave for it when it was made.

    Attributes
    ----------
    media : "image/png", "signal/int16-uV" or "text/utf-8"
        What ``data`` holds, base64-encoded: a PNG picture, little-endian 16-bit microvolts (lead
        after lead where there are several), or text.
    data : bytes
        The raw input, base64 in JSON.
    beats : tuple of int
        For heartbeats: sample indices of their R peaks.
    logits : tuple of tuples of float
        The output, reshaped to rows of its last axis: ``(1, classes)`` for a picture or a sentence,
        ``(beats, classes)`` for heartbeats, ``(characters, vocabulary)`` for a text, ...
    """

    media: Literal["image/png", "signal/int16-uV", "text/utf-8"]
    data: bytes
    sampling_rate_hz: PositiveFloat | None = None
    beats: tuple[Count, ...] = ()
    logits: tuple[tuple[float, ...], ...]


class Golden(Struct, frozen=True, kw_only=True):
    """Raw inputs with their logits, and how far another machine may drift from them.

    ``tolerance`` is in the output's own unit, by execution provider (``cpu``, ``cuda``, ...); an
    answer that flips is refused whatever the tolerance.
    """

    schema: Literal[1] = SCHEMA
    examples: Annotated[tuple[GoldenExample, ...], Meta(min_length=1)]
    tolerance: dict[str, PositiveFloat]
