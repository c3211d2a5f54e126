"""What activations hold, drawn small as SVG with the range that each was given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.calibration.observation import Observation
from edgecnn.calibration.tensor_values import Range

__all__ = ["ActivationFigure", "activation_figures", "draw_histogram"]

_BINS = 80


@dataclass(frozen=True, eq=False)
class ActivationFigure:
    """A tensor's values, and its range.

    Attributes
    ----------
    tensor : str
    seen, chosen : Range
        Extremes of the calibration set, and what 8 bits stand for.
    clipped : float
        Share of values outside, 0..1.
    counts : ndarray of float64, shape (bins,)
        Over ``seen``.
    """

    tensor: str
    seen: Range
    chosen: Range
    clipped: float
    counts: NDArray[np.float64]


def activation_figures(seen: Observation, ranges: dict[str, Range]) -> tuple[ActivationFigure, ...]:
    """Condense what was seen of every tensor with a range; it must have histograms."""
    figures = []
    for name in seen.names:
        values = seen.of(name)
        chosen = ranges.get(name)
        if chosen is None or values.histogram is None:
            continue
        edges, counts = values.histogram.bins()
        centres = edges[: len(counts)] + values.histogram.width / 2
        low, high = values.seen.low, values.seen.high
        drawn, _ = np.histogram(
            np.clip(centres, low, high),
            bins=_BINS,
            range=(low, max(high, low + 1e-9)),
            weights=counts,
        )
        outside = (centres < chosen.low) | (centres > chosen.high)
        # The bin that a bound lies in counts as inside.
        margin = values.histogram.width
        outside &= (centres < chosen.low - margin) | (centres > chosen.high + margin)
        clipped = float(counts[outside].sum() / max(counts.sum(), 1))
        figures.append(ActivationFigure(name, values.seen, chosen, clipped, drawn))
    return tuple(figures)


def draw_histogram(figure: ActivationFigure) -> str:
    """Draw counts by their logarithm; what lies outside the range is red."""
    low, high = figure.seen.low, figure.seen.high
    span = max(high - low, 1e-9)
    heights = np.log1p(figure.counts)
    heights = 36 * heights / max(float(heights.max()), 1e-9)
    step = 100 / len(heights)
    bars = {"value": "", "value low": ""}
    for number, height in enumerate(heights):
        if height <= 0:
            continue
        middle = low + (number + 0.5) * span / len(heights)
        inside = figure.chosen.low - span / _BINS <= middle <= figure.chosen.high + span / _BINS
        x = number * step
        bars["value" if inside else "value low"] += (
            f"M{x:.2f} 38V{38 - height:.1f}H{x + step * 0.9:.2f}V38Z"
        )
    paths = "".join(f'<path class="{style}" d="{d}"/>' for style, d in bars.items() if d)
    lines = "".join(
        f'<line class="bound" x1="{x:.2f}" x2="{x:.2f}" y1="0" y2="40"/>'
        for x in (
            100 * (np.clip(bound, low, high) - low) / span
            for bound in (figure.chosen.low, figure.chosen.high)
        )
    )
    return (
        '<svg class="histogram" viewBox="0 0 100 40" preserveAspectRatio="none" role="img" '
        f'aria-label="histogram of {len(heights)} bins">{paths}{lines}</svg>'
    )
