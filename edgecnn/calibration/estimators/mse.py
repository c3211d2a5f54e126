"""The range at which rounding and clipping together cost least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.calibration.estimators.condensed import condensed
from edgecnn.calibration.tensor_values import Range, TensorValues

__all__ = ["MeanSquaredError"]

_LEVELS = 256
_BINS = 4096
#: Shares of an extreme that are tried as the end of the range.
_SHARES = np.linspace(0.1, 1.0, 46)


@dataclass(frozen=True)
class MeanSquaredError:
    """The range with the smallest mean squared error of the 8-bit form.

    A wide range rounds coarsely, a narrow one clips. Both ends are shrunk together first, then
    each by itself as long as that helps.

    Notes
    -----
    The "MSE" range setting of Nagel et al. 2021, "A White Paper on Neural Network Quantization"
    (arXiv:2106.08295), section 3.1, by search over a histogram.
    """

    needs_histogram = True

    @property
    def title(self) -> str:
        """What the report calls it."""
        return "mse"

    def range_of(self, values: TensorValues) -> Range:
        """Return the range."""
        assert values.histogram is not None
        edges, counts = condensed(values.histogram, _BINS)
        there = counts > 0
        centres, weights = ((edges[:-1] + edges[1:]) / 2)[there], counts[there]
        # Values lie evenly in their bin, but at zero most are zero exactly.
        centres[np.flatnonzero(edges[:-1][there] == 0)] = 0.0
        low, high = min(values.seen.low, 0.0), max(values.seen.high, 0.0)
        if high <= low:
            return values.seen
        tried = [(_squared_error(centres, weights, low * s, high * s), s, s) for s in _SHARES]
        best = _least(tried)
        for _ in range(8):
            before = best
            tried = [
                (_squared_error(centres, weights, low * s, high * best[2]), s, best[2])
                for s in _SHARES
            ]
            best = _least([best, *tried])
            tried = [
                (_squared_error(centres, weights, low * best[1], high * s), best[1], s)
                for s in _SHARES
            ]
            best = _least([best, *tried])
            if best == before:
                break
        return Range(
            max(values.seen.low, low * best[1]) if low < 0 else values.seen.low,
            min(values.seen.high, high * best[2]) if high > 0 else values.seen.high,
        )


def _least(tried: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Return the smallest error; of equal ones, the widest range."""
    return min(tried, key=lambda t: (t[0], -t[1], -t[2]))


def _squared_error(
    centres: NDArray[np.float64], weights: NDArray[np.float64], low: float, high: float
) -> float:
    """Return the sum of squared errors of values at the centres, rounded to 8 bits."""
    step = (high - low) / (_LEVELS - 1)
    zero = np.rint(-low / step)
    levels = np.clip(np.rint(centres / step) + zero, 0, _LEVELS - 1)
    error = centres - (levels - zero) * step
    return float(weights @ (error * error))
