"""The points of a training's curves: never too many, however long it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgecnn.training.fit_state import EpochResult

__all__ = ["Curve", "Point"]

#: Points of the training curve; twice as many pixels as a wide screen gives it.
_MOST = 1200


@dataclass(frozen=True)
class Point:
    """Means over some steps, or what an epoch's validation gave.

    Attributes
    ----------
    at : float
        Epochs done.
    loss, accuracy, rate : float, optional
        Of training.
    validation_loss, validation_quality : float, optional
        ``validation_quality`` is accuracy, or what else the task measures.
    """

    at: float
    loss: float | None = None
    accuracy: float | None = None
    rate: float | None = None
    validation_loss: float | None = None
    validation_quality: float | None = None

    @property
    def row(self) -> tuple[float | None, ...]:
        """The values in this order, rounded to what a curve can show."""
        values = (
            self.loss,
            self.accuracy,
            self.rate,
            self.validation_loss,
            self.validation_quality,
        )
        return (round(self.at, 5), *(None if v is None else float(f"{v:.5g}") for v in values))


class Curve:
    """Collects steps into points; of too many it joins neighbours, and points get wider.

    Parameters
    ----------
    draw : callable
        Gets each new point.
    redraw : callable
        Gets all points when they were joined.
    """

    def __init__(
        self, draw: Callable[[Point], None], redraw: Callable[[Sequence[Point]], None]
    ) -> None:
        self._draw = draw
        self._redraw = redraw
        self._steps: list[Point] = []
        self._epochs: list[Point] = []
        self._width = 1
        self._loss = 0.0
        self._count = self._hits = self._answers = 0

    def add(self, at: float, loss: float, hits: int, answers: int, rate: float) -> None:
        """Add a step."""
        self._loss += loss
        self._hits += hits
        self._answers += answers
        self._count += 1
        if self._count < self._width:
            return
        accuracy = self._hits / self._answers if self._answers else None
        point = Point(at, self._loss / self._count, accuracy, rate)
        self._loss = 0.0
        self._count = self._hits = self._answers = 0
        self._steps.append(point)
        if len(self._steps) < _MOST:
            self._draw(point)
            return
        self._width *= 2
        self._steps = [_joined(*self._steps[i : i + 2]) for i in range(0, _MOST, 2)]
        self._redraw(sorted([*self._steps, *self._epochs], key=lambda each: each.at))

    def validated(self, result: EpochResult) -> None:
        """Add what an epoch's validation gave."""
        if result.validation_loss is None:
            return
        point = Point(
            result.epoch,
            validation_loss=result.validation_loss,
            validation_quality=quality(result)[1],
        )
        self._epochs.append(point)
        self._draw(point)

    def resumed(self, history: Sequence[EpochResult]) -> None:
        """Add the epochs before an interruption, of which only means are known."""
        for result in history:
            point = Point(result.epoch, result.train_loss, result.train_accuracy, result.rate)
            self._steps.append(point)
            self._draw(point)
            self.validated(result)


def quality(result: EpochResult) -> tuple[str, float | None]:
    """Return name and value of what validation measures besides the loss."""
    if result.validation_map is not None:
        return "mAP@0.5", result.validation_map
    return "accuracy", result.validation_accuracy


def _joined(first: Point, second: Point) -> Point:
    return Point(
        second.at,
        _mean(first.loss, second.loss),
        _mean(first.accuracy, second.accuracy),
        second.rate,
    )


def _mean(first: float | None, second: float | None) -> float | None:
    return second if first is None or second is None else (first + second) / 2
