"""The extremes of each batch, averaged: one odd sample moves them little.

The one estimator that depends on the order of the samples, as its definition asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgecnn.calibration.tensor_values import Range, TensorValues

__all__ = ["MOVING", "MovingAverage"]

#: Weight of each new batch: that of ONNX Runtime's calibrator and of PyTorch's observer.
MOVING = 0.01


@dataclass(frozen=True)
class MovingAverage:
    """Exponential moving average of the batches' smallest and largest values."""

    needs_histogram = False

    @property
    def title(self) -> str:
        """What the report calls it."""
        return "moving-average"

    def range_of(self, values: TensorValues) -> Range:
        """Return the range."""
        return values.averaged
