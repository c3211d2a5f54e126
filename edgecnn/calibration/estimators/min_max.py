"""The extremes of all samples: nothing is ever clipped."""

from __future__ import annotations

from dataclasses import dataclass

from edgecnn.calibration.tensor_values import Range, TensorValues

__all__ = ["MinMax"]


@dataclass(frozen=True)
class MinMax:
    """Smallest and largest value seen."""

    needs_histogram = False

    @property
    def title(self) -> str:
        """What the report calls it."""
        return "min-max"

    def range_of(self, values: TensorValues) -> Range:
        """Return the range."""
        return values.seen
