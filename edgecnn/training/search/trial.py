"""One trial: a training, or a cross-validation, that never opens the test set."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from edgecnn.errors import DivergenceError, EdgeCNNError, RecipeError, ShapeError, UsageError
from edgecnn.training.checkpoint import DOCUMENT_NAME, WEIGHTS_NAME
from edgecnn.training.fit_state import FitState
from edgecnn.training.folds import FOLDS_NAME, cross_validate
from edgecnn.training.recipe import Recipe
from edgecnn.training.resume import RESUME_NAME
from edgecnn.training.search.proposal import Proposal
from edgecnn.training.search.record import Outcome, Question, Trial
from edgecnn.training.train import train_recipe
from edgecnn.training.watcher import Watcher

__all__ = ["impossible", "run_trial", "tidy"]

#: What says that a network cannot be built, or that a recipe contradicts itself.
IMPOSSIBLE = (RecipeError, ShapeError, UsageError)


def run_trial(
    question: Question,
    number: int,
    recipe: Recipe,
    proposal: Proposal,
    folder: Path,
    *,
    threads: int | None = None,
    watcher: Watcher | None = None,
) -> Trial:
    """Train by a recipe and score what came of it.

    Parameters
    ----------
    question : Question
    number : int
        Of the trial, from 1.
    recipe : Recipe
        With the proposal's values, and without a test set.
    proposal : Proposal
    folder : Path
        Of this trial; a training that was begun there goes on.
    threads : int, optional
    watcher : Watcher, optional
        Is told the training's progress.

    Returns
    -------
    Trial
        Whatever its outcome.

    Raises
    ------
    EdgeCNNError
        What has nothing to do with the values: data that is gone, a disk that is full.
    """
    scout = _Scout(question, proposal, watcher or Watcher())
    try:
        if question.folds is None:
            began = any((folder / name).exists() for name in (RESUME_NAME, DOCUMENT_NAME))
            summary = train_recipe(recipe, folder, resume=began, threads=threads, watcher=scout)
            score = getattr(summary.validation, question.metric)
            # A training that was done before the search was killed tells its epochs no more.
            scout.history = scout.history or [score]
            scout.seconds = summary.seconds
        else:
            (folder / FOLDS_NAME).unlink(missing_ok=True)
            report = cross_validate(
                recipe, question.folds, folder=folder, threads=threads, watcher=scout
            )
            score = report.pooled.value
    except _HopelessError:
        return scout.result(number, "pruned", note="worse than the median")
    except DivergenceError as error:
        return scout.result(number, "diverged", note=error.message)
    except IMPOSSIBLE as error:
        return impossible(number, proposal, error)
    return scout.result(number, "finished", score=score)


def impossible(number: int, proposal: Proposal, error: EdgeCNNError) -> Trial:
    """Return the trial that could not begin."""
    return Trial(number=number, values=proposal.values, outcome="impossible", note=error.message)


def tidy(folder: Path, *, keep: bool) -> None:
    """Remove what is large from a trial's folder; ``keep`` leaves the trained weights."""
    names = [RESUME_NAME] if keep else [RESUME_NAME, WEIGHTS_NAME, DOCUMENT_NAME]
    for name in names:
        (folder / name).unlink(missing_ok=True)


class _HopelessError(Exception):
    """Leaves a training that is not worth its end."""


@dataclass
class _Scout(Watcher):
    """Notes the metric after each epoch, and stops a trial that goes badly."""

    question: Question
    proposal: Proposal
    watcher: Watcher
    history: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        self.watcher.start(first_epoch, epochs, steps)

    def step(self, epoch: int, step: int, loss: float) -> None:
        self.watcher.step(epoch, step, loss)

    def epoch(self, state: FitState) -> None:
        self.watcher.epoch(state)
        if self.question.folds is not None:
            self.seconds += state.history[-1].seconds
            return
        # All of them: a training that was resumed has epochs that were not told here.
        self.history = [getattr(result, self.question.metric) for result in state.history]
        self.seconds = sum(result.seconds for result in state.history)
        if not math.isfinite(self.history[-1]):
            self.history.pop()
            raise DivergenceError(f"the validation loss is not finite at epoch {state.epoch}")
        if self.proposal.is_hopeless(self.history):
            raise _HopelessError

    def end(self) -> None:
        self.watcher.end()

    def result(
        self, number: int, outcome: Outcome, *, score: float | None = None, note: str = ""
    ) -> Trial:
        """Return the trial as it went."""
        return Trial(
            number=number,
            values=self.proposal.values,
            outcome=outcome,
            score=score,
            history=tuple(self.history),
            seconds=round(self.seconds, 2),
            note=note,
        )
