"""A part of a whole."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Ratio"]


class Ratio(NamedTuple):
    """A part of a whole: counts, or seconds.

    Examples
    --------
    >>> Ratio(3, 4).value, Ratio(0, 0).value
    (0.75, None)
    """

    part: float
    whole: float

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.part / self.whole if self.whole else None
