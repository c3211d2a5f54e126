"""What a search keeps on disk: its question and the answers so far."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edgecnn.errors import TrainingError
from edgecnn.files import write_text
from edgecnn.training.recipe import Recipe
from edgecnn.training.search.space import Axis, Value

__all__ = [
    "METRICS",
    "RECORD_NAME",
    "TABLE_NAME",
    "Direction",
    "Metric",
    "Outcome",
    "Question",
    "Sampler",
    "SearchRecord",
    "Trial",
    "best_trial",
    "load_record",
    "ranked",
    "save_record",
    "shown",
]

RECORD_NAME = "study.json"
TABLE_NAME = "trials.csv"

Metric = Literal[
    "validation_loss", "validation_accuracy", "validation_macro_f1", "validation_map", "folds"
]
Sampler = Literal["grid", "random", "tpe"]
Direction = Literal["minimize", "maximize"]
Outcome = Literal["finished", "pruned", "diverged", "impossible"]

#: What each task measures on its validation set.
METRICS: Mapping[str, tuple[Metric, ...]] = {
    "classify": ("validation_loss", "validation_accuracy", "validation_macro_f1"),
    "generate": ("validation_loss", "validation_accuracy"),
    "detect": ("validation_loss", "validation_map"),
}


class Question(Struct, frozen=True, kw_only=True):
    """All that decides which trials a search makes; the same question, the same trials.

    Attributes
    ----------
    recipe : Recipe
        That the best values are put into.
    trial_recipe : Recipe
        That the trials follow; the same one, unless trials are shorter.
    axes : tuple of Grid or Range
    metric : str
        A column of ``metrics.csv`` at the epoch that is kept, or ``folds``: what cross-validation
        measures, over all held-out examples.
    sampler : "grid", "random" or "tpe"
    prune : bool
        Stop trials that are worse than the median of the others at the same epoch.
    folds : int, optional
    seed : int
        Of the draws; the trainings have the recipe's.
    """

    recipe: Recipe
    trial_recipe: Recipe
    axes: tuple[Axis, ...]
    metric: Metric
    sampler: Sampler
    prune: bool = False
    folds: Annotated[int, Meta(ge=2)] | None = None
    seed: int = 0

    @property
    def direction(self) -> Direction:
        """Which way the metric gets better."""
        return "minimize" if self.metric == "validation_loss" else "maximize"


class Trial(Struct, frozen=True, kw_only=True):
    """One training of a search.

    Attributes
    ----------
    number : int
        From 1.
    values : dict
        Of the searched keys.
    outcome : "finished", "pruned", "diverged" or "impossible"
        Pruned: stopped early, as it was worse than others. Diverged: the loss became infinite.
        Impossible: a network that cannot be built, or a recipe that contradicts itself.
    score : float, optional
        Of a finished trial.
    history : tuple of float
        The metric after each epoch.
    seconds : float
        Spent in epochs.
    note : str
        Why there is no score.
    """

    number: int
    values: dict[str, Value]
    outcome: Outcome
    score: float | None = None
    history: tuple[float, ...] = ()
    seconds: float = 0.0
    note: str = ""


class SearchRecord(Struct, frozen=True, kw_only=True):
    """The question and its trials so far; ``study.json``."""

    schema: int = 1
    question: Question
    trials: tuple[Trial, ...] = ()


def ranked(trials: Sequence[Trial], direction: Direction) -> list[Trial]:
    """Return the best trial first, the earlier one of equals, and those without a score last."""
    scored = [trial for trial in trials if trial.score is not None]
    scored.sort(key=lambda trial: trial.score or 0.0, reverse=direction == "maximize")
    return scored + [trial for trial in trials if trial.score is None]


def best_trial(record: SearchRecord) -> Trial | None:
    """Return the finished trial of the best score; None without any."""
    first = next(iter(ranked(record.trials, record.question.direction)), None)
    return first if first is not None and first.score is not None else None


def save_record(folder: Path, record: SearchRecord) -> None:
    """Write ``study.json``, and ``trials.csv`` from it: a row per trial."""
    encoded = msgspec.json.format(msgspec.json.encode(record, order="deterministic"), indent=1)
    write_text(folder / RECORD_NAME, encoded.decode() + "\n")
    write_text(folder / TABLE_NAME, _table(record))


def load_record(folder: Path) -> SearchRecord:
    """Read ``study.json``.

    Raises
    ------
    TrainingError
        It cannot be read.
    """
    path = folder / RECORD_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=SearchRecord)
    except (OSError, msgspec.DecodeError) as error:
        raise TrainingError(
            f"cannot read the search in {path}: {error}", hint="-o names another folder"
        ) from error


def shown(value: Value) -> str:
    """Write a value as people do."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(record: SearchRecord) -> str:
    question = record.question
    keys = [axis.key for axis in question.axes]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "outcome", question.metric, *keys, "epochs", "seconds", "note"])
    for trial in record.trials:
        writer.writerow(
            [
                trial.number,
                trial.outcome,
                "" if trial.score is None else trial.score,
                *_cells(trial, keys),
                len(trial.history),
                round(trial.seconds, 1),
                trial.note,
            ]
        )
    return text.getvalue()


def _cells(trial: Trial, keys: Sequence[str]) -> list[Value]:
    return [trial.values[key] for key in keys]
