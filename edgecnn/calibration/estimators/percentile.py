"""All but the rarest values, whatever they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgecnn.calibration.tensor_values import Range, TensorValues
from edgecnn.errors import UsageError

__all__ = ["PERCENTILE", "Percentile"]

#: Share of values that stay unclipped, in percent; half of the rest is cut at each end.
PERCENTILE = 99.99


@dataclass(frozen=True)
class Percentile:
    """The range that holds a share of the values, with as many cut off at each end.

    Attributes
    ----------
    percentile : float
        In percent. The ends are a bin's outer edges, so at least this share is kept.

    Raises
    ------
    UsageError
        Not more than 0 and at most 100.
    """

    percentile: float = PERCENTILE
    needs_histogram = True

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0 < self.percentile <= 100:
            raise UsageError(
                f"a percentile of {self.percentile:g}", hint="more than 0 and at most 100 percent"
            )

    @property
    def title(self) -> str:
        """What the report calls it."""
        return f"percentile {self.percentile:g} %"

    def range_of(self, values: TensorValues) -> Range:
        """Return the range."""
        assert values.histogram is not None
        edges, counts = values.histogram.bins()
        below = np.cumsum(counts)
        cut = (100 - self.percentile) / 200 * below[-1]
        first = int(np.searchsorted(below, cut))
        last = int(np.searchsorted(below, below[-1] - cut))
        return Range(
            max(float(edges[first]), values.seen.low),
            min(float(edges[last + 1]), values.seen.high),
        )
