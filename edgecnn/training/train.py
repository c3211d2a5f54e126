"""One training from recipe to checkpoint."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from edgecnn.data import Dataset, open_dataset
from edgecnn.data.class_maps import as_mapped
from edgecnn.data.leak import check_leak
from edgecnn.errors import TrainingError
from edgecnn.files import write_text
from edgecnn.metadata import Measured
from edgecnn.runtime.machine import describe_machine
from edgecnn.training.checkpoint import (
    DOCUMENT_NAME,
    Checkpoint,
    read_recipe,
    save_checkpoint,
)
from edgecnn.training.controls import Controls
from edgecnn.training.fit_state import FitState
from edgecnn.training.loop import fit
from edgecnn.training.network import build_module
from edgecnn.training.provenance import describe_revision, make_metadata
from edgecnn.training.recipe import Recipe
from edgecnn.training.resume import RESUME_NAME, check_recipe, load_resume, save_resume
from edgecnn.training.summary import TrainSummary, metrics_csv, read_summary, write_results
from edgecnn.training.tasks import training_task
from edgecnn.training.tasks.base import Plan, Prepared, TrainingTask
from edgecnn.training.transfer import check_pixels, load_pretrained
from edgecnn.training.watcher import PreparedTraining, Watcher, Watchers

__all__ = ["train_recipe"]


def train_recipe(
    recipe: Recipe,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    threads: int | None = None,
    watcher: Watcher | None = None,
    controls: Controls | None = None,
    command: str = "",
) -> TrainSummary:
    """Train a recipe's network and keep what came of it.

    Parameters
    ----------
    recipe : Recipe
        From :func:`~edgecnn.training.recipe.load_recipe`.
    folder : path
        Gets ``checkpoint.safetensors`` and ``.json``, ``metrics.csv``, ``summary.json``,
        ``curves.png`` and ``confusion.png``; while the training runs, ``resume.safetensors``.
    resume : bool
        Go on with an interrupted training of the same recipe in that folder. The numbers are
        those of a training that was not interrupted, on the same machine and threads.
    threads : int, optional
        Threads of one operation; the default is PyTorch's.
    watcher : Watcher, optional
        Is told the progress.
    controls : Controls, optional
        Through which a person pauses the training or changes settings while it runs. What was
        changed is kept with the network; after an interruption, changes of whole epochs are in
        force again, and the epoch that was cut short is repeated with the settings that it began
        with.
    command : str, optional
        What trains this network again, for the provenance.

    Raises
    ------
    TrainingError
        The folder holds another training, the loss is not finite, or there is no validation
        example to choose the best epoch by.
    DatasetError
        A dataset is absent.
    DataError
        The test set holds records of the training set.
    """
    folder = Path(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    if resume and (folder / DOCUMENT_NAME).exists() and not (folder / RESUME_NAME).exists():
        check_recipe(read_recipe(folder), recipe, folder / DOCUMENT_NAME)
        return read_summary(folder)
    _check_folder(folder, resume=resume)
    opened = _open(recipe)
    state = _begin(recipe, opened, folder, resume=resume)
    plan, parts = opened.plan, opened.task.prepare(recipe, opened.dataset, opened.plan)
    if not len(parts.validation) and (recipe.train.keep == "best" or recipe.train.patience):
        raise TrainingError(
            f"a validation share of {recipe.data.validation} of {recipe.data.train} is no example, "
            "so there is no best epoch",
            hint="--set train.keep=last, or a larger data.validation",
        )
    told = Watchers(_Keeper(folder, recipe, opened.dataset.info.sha256), watcher or Watcher())
    told.prepared(PreparedTraining(state, parts.train, parts.validation, plan.labels, plan.spec))
    fit(
        state,
        parts.train,
        parts.validation,
        recipe.train,
        parts.objective,
        watcher=told,
        controls=controls,
    )
    return _conclude(recipe, opened, state, parts, folder, command=command)


@dataclass(frozen=True)
class _Opened:
    """What a recipe's training is about; the test set is opened, and not read yet."""

    task: TrainingTask
    dataset: Dataset
    plan: Plan
    test: Dataset | None


def _open(recipe: Recipe) -> _Opened:
    task = training_task(recipe)
    dataset = as_mapped(open_dataset(recipe.data.train), recipe.input)
    plan = task.plan(recipe, dataset)
    test = None
    if recipe.data.test:
        # Opened now, so that an absent one is known before the work; read when all is decided.
        test = open_dataset(recipe.data.test, labels=dataset.info.labels)
        check_leak(dataset, test)
    return _Opened(task, dataset, plan, test)


def _begin(recipe: Recipe, opened: _Opened, folder: Path, *, resume: bool) -> FitState:
    """Return the network and all that goes with it: fresh, pretrained, or as it was left."""
    plan = opened.plan
    torch.manual_seed(recipe.train.seed)
    module = build_module(recipe, plan.labels, plan.spec)
    if opened.test is not None:
        contract = make_metadata(recipe, plan.labels, plan.spec, module, ())
        opened.task.check_test(opened.test, contract)
    kept_before = resume and (folder / RESUME_NAME).exists()
    if recipe.transfer is not None and not kept_before:
        check_pixels(recipe.transfer, plan.spec)
        load_pretrained(module, recipe.transfer)
    state = FitState.fresh(module, recipe.train, recipe.transfer)
    if kept_before:
        load_resume(folder, state, recipe, data_sha256=opened.dataset.info.sha256)
    return state


def _conclude(
    recipe: Recipe,
    opened: _Opened,
    state: FitState,
    parts: Prepared,
    folder: Path,
    *,
    command: str,
) -> TrainSummary:
    """Test the network that is kept, and write down all that is known of it."""
    kept = state.best_epoch if recipe.train.keep == "best" else state.epoch
    if recipe.train.keep == "best" and state.best is not None:
        state.average.module.load_state_dict(state.best)
    network = state.average.module
    uses = [opened.dataset.info.use("train", len(parts.train))]
    if len(parts.validation):
        uses.append(opened.dataset.info.use("validation", len(parts.validation)))
    if opened.test is not None:
        uses.append(opened.test.info.use("test", len(opened.test)))
    metadata = make_metadata(
        recipe,
        opened.plan.labels,
        opened.plan.spec,
        network,
        uses,
        command=command,
        interventions=state.interventions,
    )
    accuracy = None
    if opened.test is not None:
        accuracy = opened.task.test(network, opened.test, metadata)
    summary = TrainSummary(
        recipe=recipe.name,
        architecture=recipe.model.name,
        parameters=metadata.provenance.parameters or 0,
        epochs=state.epoch,
        kept_epoch=kept,
        train_samples=len(parts.train),
        validation_samples=len(parts.validation),
        validation=state.history[kept - 1],
        test=accuracy,
        seconds=round(sum(result.seconds for result in state.history), 1),
        threads=torch.get_num_threads(),
        machine=str(describe_machine()),
        folder=str(folder),
        interventions=tuple(state.interventions),
    )
    measured = Measured(
        accuracy=(accuracy,) if accuracy else (),
        training_seconds=summary.seconds,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        revision=describe_revision(),
        note=f"trained with {summary.threads} thread(s) on {summary.machine}",
    )
    write_results(folder, state, metadata, summary)
    save_checkpoint(folder, Checkpoint(network, metadata, measured, recipe, kept))
    (folder / RESUME_NAME).unlink(missing_ok=True)
    return summary


class _Keeper(Watcher):
    """Keeps the training on disk after every epoch."""

    def __init__(self, folder: Path, recipe: Recipe, data_sha256: str) -> None:
        self._folder = folder
        self._recipe = recipe
        self._data_sha256 = data_sha256

    def epoch(self, state: FitState) -> None:
        save_resume(self._folder, state, self._recipe, data_sha256=self._data_sha256)
        write_text(self._folder / "metrics.csv", metrics_csv(state.history))


def holds_training(folder: Path) -> bool:
    """Tell whether a folder holds a training, finished or not."""
    return any((folder / name).exists() for name in (RESUME_NAME, DOCUMENT_NAME))


def _check_folder(folder: Path, *, resume: bool) -> None:
    if not resume and holds_training(folder):
        raise TrainingError(
            f"{folder} already holds a training",
            hint="--resume goes on with it; -o names another folder",
        )
