"""Where a training stands, in plain numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import msgspec

from edgecnn.training.controls import Knobs
from edgecnn.training.recipe import Recipe

__all__ = ["Place", "RunningMeans", "describe_recipe"]

#: Steps that the present loss and accuracy are means of, the latest ones most.
_MEMORY_STEPS = 50
#: How long steps are counted to tell their speed.
_SPEED_S = 1.0


@dataclass
class Place:
    """Epoch and step, both counted from 1, and how many there are."""

    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 1

    @property
    def done(self) -> float:
        """Epochs done."""
        return max(0.0, self.epoch - 1 + self.step / self.steps)


class RunningMeans:
    """Loss and accuracy of the latest steps, and their speed.

    Attributes
    ----------
    speed : float or None
        Steps a second.
    """

    def __init__(self) -> None:
        self.speed: float | None = None
        self._loss = self._right = 0.0
        self._weight = self._answered = 0.0
        self._steps, self._since = 0, 0.0

    @property
    def loss(self) -> float | None:
        """Mean loss."""
        return self._loss / self._weight if self._weight else None

    @property
    def accuracy(self) -> float | None:
        """Share of right answers."""
        return self._right / self._answered if self._answered else None

    def add(self, loss: float, hits: int, answers: int) -> None:
        """Add a step."""
        keep = 1 - 1 / _MEMORY_STEPS
        self._loss = keep * self._loss + loss
        self._weight = keep * self._weight + 1
        self._right = keep * self._right + hits
        self._answered = keep * self._answered + answers
        now = time.perf_counter()
        if not self._since:
            self._since = now
            return
        self._steps += 1
        if now - self._since >= _SPEED_S:
            self.speed = self._steps / (now - self._since)
            self._steps, self._since = 0, now

    def forget_speed(self) -> None:
        """Begin to count anew: what was between the steps was no step."""
        self._steps, self._since = 0, 0.0


def describe_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return what the page says of a training before it begins, as plain data."""
    settings = recipe.train
    return {
        "version": 1,
        "name": recipe.name,
        "title": recipe.title or recipe.name,
        "architecture": recipe.model.name,
        "data": recipe.data.train,
        "task": recipe.task,
        "optimizer": {"sgd": "SGD", "adamw": "AdamW"}[settings.optimizer],
        "schedule": settings.schedule,
        "peak_rate": settings.peak_rate,
        "averaged": settings.ema_decay > 0,
        "recipe": msgspec.to_builtins(Knobs.of(settings)),
        "examples_title": "Validation examples",
        "examples": [],
        "note": "",
    }
