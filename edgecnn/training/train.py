"""One training from recipe to checkpoint."""

from __future__ import annotations

import csv
import datetime
import io
import os
from pathlib import Path

import msgspec
import torch
from msgspec import Struct

from edgecnn.data import open_dataset
from edgecnn.data.class_maps import as_mapped
from edgecnn.data.leak import check_leak
from edgecnn.errors import TrainingError
from edgecnn.files import write_text
from edgecnn.metadata import Accuracy, Intervention, Measured, ModelMetadata
from edgecnn.runtime.machine import describe_machine
from edgecnn.training.checkpoint import (
    DOCUMENT_NAME,
    Checkpoint,
    read_recipe,
    save_checkpoint,
)
from edgecnn.training.controls import Controls
from edgecnn.training.loop import EpochResult, FitState, fit
from edgecnn.training.network import build_module
from edgecnn.training.provenance import describe_revision, make_metadata
from edgecnn.training.recipe import Recipe
from edgecnn.training.resume import RESUME_NAME, check_recipe, load_resume, save_resume
from edgecnn.training.tasks import training_task
from edgecnn.training.transfer import check_pixels, load_pretrained
from edgecnn.training.watcher import PreparedTraining, Watcher, Watchers

__all__ = ["SUMMARY_NAME", "TrainSummary", "train_recipe"]

SUMMARY_NAME = "summary.json"


class TrainSummary(Struct, frozen=True, kw_only=True):
    """What a training gave; ``summary.json``.

    Attributes
    ----------
    recipe, architecture : str
    parameters, epochs, kept_epoch : int
        ``kept_epoch`` is the epoch whose weights are in the checkpoint.
    train_samples, validation_samples : int
    validation : EpochResult
        The kept epoch.
    test : Accuracy, optional
        On the test set, which was read for nothing else.
    seconds : float
        Spent in epochs, resumed parts included.
    threads : int
    machine, folder : str
    interventions : tuple of Intervention
        What a person changed while it ran, so that the recipe alone does not repeat it.
    """

    recipe: str
    architecture: str
    parameters: int
    epochs: int
    kept_epoch: int
    train_samples: int
    validation_samples: int
    validation: EpochResult
    test: Accuracy | None
    seconds: float
    threads: int
    machine: str
    folder: str
    interventions: tuple[Intervention, ...] = ()


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
        return _read_summary(folder)
    _check_folder(folder, resume=resume)
    task = training_task(recipe)
    dataset = as_mapped(open_dataset(recipe.data.train), recipe.input)
    plan = task.plan(recipe, dataset)
    test = None
    if recipe.data.test:
        # Opened now, so that an absent one is known before the work; read when all is decided.
        test = open_dataset(recipe.data.test, labels=dataset.info.labels)
        check_leak(dataset, test)
    torch.manual_seed(recipe.train.seed)
    module = build_module(recipe, plan.labels, plan.spec)
    if test is not None:
        task.check_test(test, make_metadata(recipe, plan.labels, plan.spec, module, ()))
    kept_before = resume and (folder / RESUME_NAME).exists()
    if recipe.transfer is not None and not kept_before:
        check_pixels(recipe.transfer, plan.spec)
        load_pretrained(module, recipe.transfer)
    state = FitState.fresh(module, recipe.train, recipe.transfer)
    if kept_before:
        load_resume(folder, state, recipe, data_sha256=dataset.info.sha256)
    parts = task.prepare(recipe, dataset, plan)
    if not len(parts.validation) and (recipe.train.keep == "best" or recipe.train.patience):
        raise TrainingError(
            f"a validation share of {recipe.data.validation} of {recipe.data.train} is no example, "
            "so there is no best epoch",
            hint="--set train.keep=last, or a larger data.validation",
        )
    told = Watchers(_Keeper(folder, recipe, dataset.info.sha256), watcher or Watcher())
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

    kept = state.best_epoch if recipe.train.keep == "best" else state.epoch
    if recipe.train.keep == "best" and state.best is not None:
        state.average.module.load_state_dict(state.best)
    network = state.average.module
    uses = [dataset.info.use("train", len(parts.train))]
    if len(parts.validation):
        uses.append(dataset.info.use("validation", len(parts.validation)))
    accuracy = None
    if test is not None:
        uses.append(test.info.use("test", len(test)))
    metadata = make_metadata(
        recipe,
        plan.labels,
        plan.spec,
        network,
        uses,
        command=command,
        interventions=state.interventions,
    )
    if test is not None:
        accuracy = task.test(network, test, metadata)
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
    _write_results(folder, state, metadata, summary)
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
        write_text(self._folder / "metrics.csv", _metrics_csv(state.history))


def _check_folder(folder: Path, *, resume: bool) -> None:
    for name in (RESUME_NAME, DOCUMENT_NAME):
        if not resume and (folder / name).exists():
            raise TrainingError(
                f"{folder} already holds a training",
                hint="--resume goes on with it; -o names another folder",
            )


def _write_results(
    folder: Path, state: FitState, metadata: ModelMetadata, summary: TrainSummary
) -> None:
    from edgecnn.training.figures import draw_confusion, draw_curves

    write_text(folder / "metrics.csv", _metrics_csv(state.history))
    draw_curves(state.history, folder / "curves.png", title=metadata.name)
    if summary.test is not None and summary.test.confusion:
        draw_confusion(summary.test, metadata.labels, folder / "confusion.png")
    encoded = msgspec.json.format(msgspec.json.encode(summary), indent=1)
    write_text(folder / SUMMARY_NAME, encoded.decode() + "\n")


def _metrics_csv(history: list[EpochResult]) -> str:
    text = io.StringIO()
    rows = [msgspec.to_builtins(result) for result in history]
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _read_summary(folder: Path) -> TrainSummary:
    path = folder / SUMMARY_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=TrainSummary)
    except (OSError, msgspec.DecodeError) as error:
        raise TrainingError(
            f"the training in {folder} is done, but {path} cannot be read: {error}"
        ) from error
