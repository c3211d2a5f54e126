"""Who is told how a training goes."""

from __future__ import annotations

from dataclasses import dataclass

from edgecnn.metadata import InputSpec
from edgecnn.training.examples import Examples, TrainingExamples
from edgecnn.training.fit_state import FitState

__all__ = ["PreparedTraining", "Watcher", "Watchers"]


@dataclass(frozen=True)
class PreparedTraining:
    """All that a training works with, before its first step.

    Attributes
    ----------
    state : FitState
        Its module and optimizer change as it goes on.
    train, validation : TrainingExamples, Examples
    labels : tuple of str
    spec : InputSpec
        How an example becomes the network's input.
    """

    state: FitState
    train: TrainingExamples
    validation: Examples
    labels: tuple[str, ...]
    spec: InputSpec


class Watcher:
    """Is told how the training goes. This one says nothing; see :mod:`~.progress`."""

    def prepared(self, training: PreparedTraining) -> None:
        """Take note of what will be trained, by what, and what validates it."""

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        """Take note that epochs ``first_epoch..epochs`` of so many steps begin."""

    def begin(self, epoch: int, steps: int) -> None:
        """Take note that an epoch begins; another batch makes for another number of steps."""

    def paused(self) -> None:
        """Take note that the training waits to be resumed; told again and again meanwhile."""

    def answered(self, hits: int, answers: int) -> None:
        """Take note of the right answers of a step, before :meth:`step`; 0 of 0 if none is."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        """Take note of a step; steps count from 1. The step's gradients are still there."""

    def epoch(self, state: FitState) -> None:
        """Take note of an epoch, the last in ``state.history``."""

    def end(self) -> None:
        """Take note that no more epochs come."""


class Watchers(Watcher):
    """Passes the word on to several.

    Parameters
    ----------
    *watchers : Watcher
        In the order in which they are told.
    """

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def prepared(self, training: PreparedTraining) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.prepared(training)

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.start(first_epoch, epochs, steps)

    def begin(self, epoch: int, steps: int) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.begin(epoch, steps)

    def paused(self) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.paused()

    def answered(self, hits: int, answers: int) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.answered(hits, answers)

    def step(self, epoch: int, step: int, loss: float) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.step(epoch, step, loss)

    def epoch(self, state: FitState) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.epoch(state)

    def end(self) -> None:
        """See :class:`Watcher`."""
        for each in self._watchers:
            each.end()
