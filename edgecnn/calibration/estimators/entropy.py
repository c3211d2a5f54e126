"""The clipping that keeps most of what the distribution tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.calibration.estimators.condensed import condensed
from edgecnn.calibration.tensor_values import Range, TensorValues

__all__ = ["Entropy"]

_LEVELS = 256
#: Bins on the larger side of zero, at most: with more, a level holds chance gaps between values.
_BINS = 2048
#: Thresholds that are tried, evenly spaced.
_TRIED = 192
#: Probability that is given to what the 8-bit form says cannot happen.
_NEVER = 1e-9


@dataclass(frozen=True)
class Entropy:
    """The threshold on the absolute value at which clipping and rounding lose least.

    Values beyond a threshold are clipped to it, the rest is rounded to 256 levels. Taken is the
    threshold whose 8-bit distribution has the smallest Kullback-Leibler divergence from the
    original one.

    Notes
    -----
    After Migacz, "8-bit Inference with TensorRT" (GTC 2017), as the entropy calibrators of
    TensorRT and ONNX Runtime. The bin at zero takes its neighbours' height, as theirs does: zero
    is represented exactly whatever the threshold, and half of what a ReLU gives would outvote all
    the rest. Ranges are not made symmetric: the levels are those of the clipped range itself.
    """

    needs_histogram = True

    @property
    def title(self) -> str:
        """What the report calls it."""
        return "entropy"

    def range_of(self, values: TensorValues) -> Range:
        """Return the range."""
        assert values.histogram is not None
        edges, counts = condensed(values.histogram, _BINS)
        width = float(edges[1] - edges[0])
        zero = round(-float(edges[0]) / width)
        if 0 <= zero < counts.size:
            beside = [counts[i] for i in (zero - 1, zero + 1) if 0 <= i < counts.size]
            counts[zero] = min(counts[zero], max(beside, default=0))
        reach = int(max(zero, counts.size - zero))
        # A level of less than a bin cannot be judged.
        least = min(_LEVELS if min(zero, counts.size - zero) <= 0 else _LEVELS // 2, reach)
        best, chosen = np.inf, reach
        for bins in np.unique(np.linspace(least, reach, _TRIED).round().astype(int)):
            first, stop = max(0, zero - int(bins)), min(counts.size, zero + int(bins))
            if stop <= first:
                continue
            lost = _divergence(counts, first, stop)
            # Of equal ones the widest: it clips least.
            if lost <= best:
                best, chosen = lost, int(bins)
        threshold = chosen * width
        return Range(max(values.seen.low, -threshold), min(values.seen.high, threshold))


def _divergence(counts: NDArray[np.float64], first: int, stop: int) -> float:
    """Return the divergence of the clipped and rounded distribution from the original."""
    inside = counts[first:stop]
    truth = inside.copy()
    truth[0] += counts[:first].sum()
    truth[-1] += counts[stop:].sum()
    total = float(truth.sum())
    kept = float(inside.sum())
    if total <= 0 or kept <= 0:
        return float(np.inf)
    # A level's mass is spread evenly over those of its bins that hold anything.
    starts = np.unique(np.linspace(0, inside.size, min(_LEVELS, inside.size) + 1).astype(int))[:-1]
    lengths = np.diff(np.append(starts, inside.size))
    filled = inside > 0
    members = np.add.reduceat(filled, starts, dtype=np.int64)
    shares = np.add.reduceat(inside, starts) / np.maximum(members, 1)
    spread = np.where(filled, np.repeat(shares, lengths), 0.0)
    p = truth / total
    q = np.maximum(spread / kept, _NEVER)
    there = p > 0
    return float(np.sum(p[there] * np.log(p[there] / q[there])))
