"""What was seen of one tensor, and the range that it is given."""

from __future__ import annotations

from dataclasses import dataclass

from edgecnn.calibration.histogram import Histogram

__all__ = ["Range", "TensorValues"]


@dataclass(frozen=True)
class Range:
    """Smallest and largest value that an activation is to represent."""

    low: float
    high: float


@dataclass(frozen=True)
class TensorValues:
    """What a calibration set showed of one tensor.

    Attributes
    ----------
    seen : Range
        Smallest and largest value of all samples.
    averaged : Range
        Smallest and largest value of each batch, averaged.
    histogram : Histogram or None
        None where only extremes were taken.
    """

    seen: Range
    averaged: Range
    histogram: Histogram | None = None
