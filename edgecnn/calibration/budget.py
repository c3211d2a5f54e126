"""The fewest layers back to FP32 so that a network loses no more than it may."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from edgecnn.calibration.frontier import Point
from edgecnn.calibration.outcome import Outcome, points_lost
from edgecnn.data.dataset import Dataset
from edgecnn.errors import UsageError

__all__ = ["Budget", "Found", "check_selection", "search_forms"]


class Measure(Protocol):
    """Measures the form that leaves these layers in FP32."""

    def __call__(self, kept: tuple[str, ...], *, corrected: bool) -> Point:
        """Measure it, with biases corrected or not."""
        ...


@dataclass(frozen=True)
class Budget:
    """What a quantized file may lose.

    Attributes
    ----------
    max_drop : float or None
        Points (percent) of the task's metric; of text, nats per character.
    min_agreement : float or None
        Share of answers that must stay the same, 0..1.
    """

    max_drop: float | None = None
    min_agreement: float | None = None

    def __post_init__(self) -> None:
        # Written so that NaN is refused too.
        if self.max_drop is not None and not self.max_drop >= 0:
            raise UsageError(f"a drop of {self.max_drop:g} is no budget", hint="0 or more points")
        if self.min_agreement is not None and not 0 <= self.min_agreement <= 1:
            raise UsageError(
                f"an agreement of {self.min_agreement:g} is no share", hint="0 to 1, as 0.99"
            )

    def __bool__(self) -> bool:
        """Tell whether there is anything to keep to."""
        return self.max_drop is not None or self.min_agreement is not None

    def fits(self, drop: float | None, agreement: float) -> bool:
        """Tell whether a form is within it. A drop that is no number is within none."""
        if self.max_drop is not None and (drop is None or not drop <= self.max_drop + 1e-9):
            return False
        return self.min_agreement is None or agreement >= self.min_agreement - 1e-12

    def admits(self, outcome: Outcome) -> bool:
        """Tell whether what was measured is within it."""
        return self.fits(points_lost(outcome), outcome.agreement)

    def text(self, unit: str = "points") -> str:
        """Say it in words.

        Examples
        --------
        >>> Budget(0.3, 0.99).text()
        'at most 0.3 points lost, at least 99.00% same answers'
        """
        parts = []
        if self.max_drop is not None:
            parts.append(f"at most {self.max_drop:g} {unit} lost")
        if self.min_agreement is not None:
            parts.append(f"at least {self.min_agreement:.2%} same answers")
        return ", ".join(parts)


def check_selection(budget: Budget, evaluate: Dataset | None, select: Dataset | None) -> None:
    """Refuse a budget that nothing can be measured for.

    Raises
    ------
    UsageError
    """
    if budget.max_drop is not None and evaluate is None:
        raise UsageError(
            "max-drop needs labelled data to measure on",
            hint="give it with --evaluate, or ask for --min-agreement, which needs no labels",
        )
    if select is not None and evaluate is None:
        raise UsageError(
            "data to choose a form on, and none to measure it on", hint="give --evaluate as well"
        )
    if select is not None and not budget:
        raise UsageError(
            "data to choose a form on, but no budget", hint="give --max-drop or --min-agreement"
        )


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes
    ----------
    points : tuple of Point
        Every form that was measured, in the order of the search.
    best : Point
        The one that fits with the fewest layers in FP32; if none does, the one that loses least.
    """

    points: tuple[Point, ...]
    best: Point


def search_forms(
    measure: Measure,
    budget: Budget,
    rank: Callable[[bool], Sequence[str]],
    *,
    correctable: bool,
) -> Found:
    """Try all in 8 bits, then with biases corrected, then with ever more layers in FP32.

    Layers go back in the order of their ranking. Their number is doubled until the form fits, then
    the gap to the last that did not is halved: what one measures with, noise of a few examples
    included, is taken to fall with every layer that goes back.

    Parameters
    ----------
    measure : callable
    budget : Budget
    rank : callable
        Gives the layers, those first that gain most in FP32; with biases corrected or not. It is
        called only if it is needed.
    correctable : bool
        Whether biases can be corrected.
    """
    points = [measure((), corrected=False)]
    if points[0].fits:
        return _found(points)
    corrected = False
    if correctable:
        points.append(measure((), corrected=True))
        if points[1].fits:
            return _found(points)
        corrected = _loss(points[1]) < _loss(points[0])
    order = tuple(rank(corrected))

    def with_first(count: int) -> Point:
        point = measure(order[:count], corrected=corrected)
        points.append(point)
        return point

    failing, fitting, count = 0, 0, 1
    while count <= len(order):
        if with_first(count).fits:
            fitting = count
            break
        failing = count
        # The last step is to all there is, not beyond.
        count = len(order) if count < len(order) < 2 * count else 2 * count
    while fitting - failing > 1:
        middle = (failing + fitting) // 2
        if with_first(middle).fits:
            fitting = middle
        else:
            failing = middle
    return _found(points)


def _found(points: Sequence[Point]) -> Found:
    fitting = [point for point in points if point.fits]
    if fitting:
        best = min(fitting, key=lambda one: (len(one.kept), one.bias_corrected, _loss(one)))
    else:
        best = min(points, key=_loss)
    marked = tuple(msgspec.structs.replace(point, chosen=point is best) for point in points)
    return Found(marked, marked[[point is best for point in points].index(True)])


def _loss(point: Point) -> float:
    loss = 1 - point.agreement if point.drop is None else point.drop
    return loss if math.isfinite(loss) else math.inf
