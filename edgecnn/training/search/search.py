"""A search: trial after trial, each kept as soon as it is done."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from edgecnn.errors import EdgeCNNError, RecipeError, TrainingError
from edgecnn.files import write_text
from edgecnn.training.recipe import flat_settings
from edgecnn.training.search.plan import Search, try_networks
from edgecnn.training.search.progress import Observer
from edgecnn.training.search.proposal import importances, propose
from edgecnn.training.search.recipe_file import recipe_toml
from edgecnn.training.search.record import (
    RECORD_NAME,
    Direction,
    Metric,
    Question,
    Sampler,
    SearchRecord,
    Trial,
    best_trial,
    load_record,
    save_record,
    shown,
)
from edgecnn.training.search.trial import impossible, run_trial, tidy

__all__ = ["BEST_NAME", "SearchReport", "run_search"]

BEST_NAME = "best.toml"


class SearchReport(Struct, frozen=True, kw_only=True):
    """What a search found.

    Attributes
    ----------
    recipe, metric, direction, sampler : str
    best : Trial
    trials : tuple of Trial
    importance : dict of str to float
        How much each key decides whether a trial is among the better third; may be empty.
    folder : str
        Has ``best.toml``, ``trials.csv``, ``study.json``, a folder per trial, and the figures.
    figures : tuple of str
    """

    recipe: str
    metric: Metric
    direction: Direction
    sampler: Sampler
    best: Trial
    trials: tuple[Trial, ...]
    importance: dict[str, float]
    folder: str
    figures: tuple[str, ...]


def run_search(
    search: Search,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    keep: bool = False,
    threads: int | None = None,
    observer: Observer | None = None,
    command: str = "",
) -> SearchReport:
    """Make the trials that are not made yet, and write down what they tell.

    Parameters
    ----------
    search : Search
        From :func:`plan_search`.
    folder : path
        Gets ``study.json`` and ``trials.csv`` after every trial; ``best.toml`` whenever there is a
        better one; ``parallel.png`` and ``importance.png`` in the end.
    resume : bool
        Go on with the same search in that folder: the trials are those of one that was not
        interrupted. The training that was cut off goes on after its last whole epoch.
    keep : bool
        Keep the trained weights of every trial that finished.
    threads : int, optional
    observer : Observer, optional
    command : str, optional
        What searches like this again, for the head of ``best.toml``.

    Raises
    ------
    TrainingError
        The folder holds another search, or no trial came to an end.
    EdgeCNNError
        What :func:`~edgecnn.training.search.plan.try_networks` finds.
    """
    folder = Path(folder)
    observer = observer or Observer()
    if not (folder / RECORD_NAME).exists():
        # Before there is a folder: nothing is left of a search that cannot be made.
        try_networks(search)
    with _locked(folder):
        record = _open(folder, search, resume=resume)
        for trial in record.trials:
            tidy(_place(folder, trial.number), keep=keep)
        observer.begin(len(record.trials), search.trials)
        try:
            while len(record.trials) < search.trials:
                record = _next(search, record, folder, threads, observer)
                _keep_best(search, record, folder, command)
                tidy(_place(folder, len(record.trials)), keep=keep)
        finally:
            observer.end()
        _keep_best(search, record, folder, command)
        return _report(record, folder)


def _next(
    search: Search, record: SearchRecord, folder: Path, threads: int | None, observer: Observer
) -> SearchRecord:
    """Make one trial."""
    number = len(record.trials) + 1
    proposal = propose(record.question, record.trials)
    watcher = observer.trial(number, proposal.values)
    try:
        recipe = search.trial_recipe(proposal.values)
    except RecipeError as error:
        trial = impossible(number, proposal, error)
    else:
        trial = run_trial(
            record.question,
            number,
            recipe,
            proposal,
            _place(folder, number),
            threads=threads,
            watcher=watcher,
        )
    record = msgspec.structs.replace(record, trials=(*record.trials, trial))
    save_record(folder, record)
    observer.done(trial, best_trial(record))
    return record


def _keep_best(search: Search, record: SearchRecord, folder: Path, command: str) -> None:
    best = best_trial(record)
    if best is None:
        return
    remarks = [
        f"Trial {best.number} of {len(record.trials)}: "
        f"{record.question.metric} {best.score:.4g} with "
        + ", ".join(f"{key} = {shown(value)}" for key, value in best.values.items())
    ]
    if command:
        remarks.append(f"Found by: {command}")
    if search.trial_overrides:
        remarks.append(f"The trials had {', '.join(search.trial_overrides)}")
    write_text(folder / BEST_NAME, recipe_toml(search.best_recipe(best.values), remarks=remarks))


def _report(record: SearchRecord, folder: Path) -> SearchReport:
    from edgecnn.training.search.figures import draw_importance, draw_parallel

    question = record.question
    best = best_trial(record)
    if best is None:
        last = record.trials[-1]
        raise TrainingError(
            f"none of {len(record.trials)} trials came to an end; the last one {last.outcome}: "
            f"{last.note}",
            hint="search a range of lower learning rates"
            if last.outcome == "diverged"
            else "trials.csv has a note for each",
        )
    figures = ["parallel.png"]
    draw_parallel(record, folder / figures[0])
    importance = importances(question, record.trials)
    if importance:
        figures.append("importance.png")
        draw_importance(importance, record, folder / figures[1])
    return SearchReport(
        recipe=question.recipe.name,
        metric=question.metric,
        direction=question.direction,
        sampler=question.sampler,
        best=best,
        trials=record.trials,
        importance=importance,
        folder=str(folder),
        figures=tuple(figures),
    )


def _open(folder: Path, search: Search, *, resume: bool) -> SearchRecord:
    if (folder / RECORD_NAME).exists():
        if not resume:
            raise TrainingError(
                f"{folder} already holds a search",
                hint="--resume goes on with it; -o names another folder",
            )
        record = load_record(folder)
        _check_question(record.question, search.question, folder)
        return record
    if _place(folder, 1).parent.exists():
        raise TrainingError(f"{folder} holds trials of no search", hint="-o names another folder")
    record = SearchRecord(question=search.question)
    save_record(folder, record)
    return record


def _check_question(kept: Question, asked: Question, folder: Path) -> None:
    for part in ("recipe", "trial_recipe"):
        then, now = flat_settings(getattr(kept, part)), flat_settings(getattr(asked, part))
        for key in sorted(then.keys() | now.keys()):
            if then.get(key) != now.get(key):
                _refuse(folder, key, then.get(key), now.get(key))
    for field in msgspec.structs.fields(Question):
        old, new = getattr(kept, field.name), getattr(asked, field.name)
        if old != new:
            told = field.name not in ("recipe", "trial_recipe", "axes")
            _refuse(folder, field.name, *(old, new) if told else ("another one", "this one"))


def _refuse(folder: Path, what: str, then: object, now: object) -> None:
    raise TrainingError(
        f"{folder} holds another search: {what} was {then}, now {now}",
        hint="resume with the same options (more --trials may be asked for), or take another -o",
    )


def _place(folder: Path, number: int) -> Path:
    return folder / "trials" / f"{number:03}"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second search out of a folder; the system's lock ends with the process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise EdgeCNNError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(
                f"another search is writing to {folder}", hint="wait for it, or take another -o"
            ) from None
        yield
    finally:
        os.close(lock)
