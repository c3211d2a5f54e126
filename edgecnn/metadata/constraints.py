"""Types of numbers with their limits."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

__all__ = ["Count", "Fraction", "NotNegative", "Positive", "PositiveFloat", "Share"]

Positive = Annotated[int, Meta(ge=1)]
Count = Annotated[int, Meta(ge=0)]
PositiveFloat = Annotated[float, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
NotNegative = Annotated[float, Meta(ge=0)]
#: A part that is never the whole.
Share = Annotated[float, Meta(ge=0, lt=1)]
