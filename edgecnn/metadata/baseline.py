"""How a file's inputs and answers are distributed on typical data, for a device to compare with."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edgecnn.metadata.constraints import Count, Fraction
from edgecnn.metadata.contract import SCHEMA

__all__ = ["BASELINE_LIMIT_BYTES", "Baseline", "Distribution"]

#: Most bytes that the document may take in a file.
BASELINE_LIMIT_BYTES = 8 * 1024


class Distribution(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the values of one tensor are distributed.

    Attributes
    ----------
    what : str
        ``"brightness"``: mean grey level of each raw picture, 0..255. ``"input"``: what the network
        reads, preprocessed. ``"feature"``: what its last layer with weights reads. ``"output"``:
        what it gives, before any activation. Of each example as a whole: ``"confidence"``: score of
        its answer, 0..1; ``"sharpness"``, ``"colour"`` and ``"energy"``, see
        :mod:`edgecnn.runtime.drift_values`.
    tensor : str
        Its name in the graph; empty for what is none.
    channel : int, optional
        Of pictures and signals: which one.
    n : int
        Number of values.
    low, high, mean, std : float
    cuts : tuple of float
        Rising values between which the shares lie: about the twentieths.
    shares : tuple of float
        Share of the values below the first cut, from it to below the second, ..., from the last on;
        one more than there are cuts. They add up to 1.
    """

    what: Literal[
        "brightness",
        "input",
        "feature",
        "output",
        "confidence",
        "sharpness",
        "colour",
        "energy",
    ]
    tensor: str = ""
    channel: int | None = None
    n: Count
    low: float
    high: float
    mean: float
    std: float
    cuts: tuple[float, ...]
    shares: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        """Refuse shares that do not fit the cuts."""
        if len(self.shares) != len(self.cuts) + 1:
            raise ValueError(f"{len(self.shares)} shares for {len(self.cuts)} cuts")
        if any(a >= b for a, b in zip(self.cuts, self.cuts[1:], strict=False)):
            raise ValueError("cuts do not rise")
        if abs(sum(self.shares) - 1) > 1e-3:
            raise ValueError(f"shares add up to {sum(self.shares):g}")


class Baseline(Struct, frozen=True, kw_only=True):
    """The distributions that a file showed on the data it was calibrated with.

    A device that sees others drifts from what the file was made for: see
    :mod:`edgecnn.runtime.drift` for the distances (PSI, KS).

    Attributes
    ----------
    data : str
        Name and split of the data.
    samples : int
        Number of examples.
    """

    schema: Literal[1] = SCHEMA
    data: str
    samples: Count
    distributions: Annotated[tuple[Distribution, ...], Meta(min_length=1)]

    def find(self, what: str, channel: int | None = None) -> Distribution | None:
        """Return a distribution, or None if there is none of it."""
        for one in self.distributions:
            if (one.what, one.channel) == (what, channel):
                return one
        return None
