"""Cross-validation on the training set: to choose by, without opening the test set."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import torch
from msgspec import Struct

from edgecnn.data import open_dataset
from edgecnn.data.class_maps import as_mapped
from edgecnn.data.split import group_folds, stratified_folds
from edgecnn.errors import TrainingError, UsageError
from edgecnn.evaluation.evaluate import score_predictions
from edgecnn.files import write_text
from edgecnn.metadata import Accuracy
from edgecnn.training.examples import labelled_targets
from edgecnn.training.fit_state import FitState
from edgecnn.training.loop import fit, predict_outputs
from edgecnn.training.network import build_module
from edgecnn.training.provenance import make_metadata
from edgecnn.training.recipe import Recipe
from edgecnn.training.tasks import training_task
from edgecnn.training.transfer import check_pixels, load_pretrained
from edgecnn.training.watcher import Watcher

__all__ = ["FOLDS_NAME", "FoldReport", "cross_validate"]

FOLDS_NAME = "folds.json"


class FoldReport(Struct, frozen=True, kw_only=True):
    """What cross-validation gave; ``folds.json``.

    Attributes
    ----------
    recipe : str
    folds : tuple of Accuracy
        Each on the fold that its network did not see.
    pooled : Accuracy
        All held-out answers together: every training example is answered once.
    groups : tuple of tuple of str
        Which records each fold held out; empty when the data has no groups.
    """

    recipe: str
    folds: tuple[Accuracy, ...]
    pooled: Accuracy
    groups: tuple[tuple[str, ...], ...]


def cross_validate(
    recipe: Recipe,
    count: int,
    *,
    folder: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    watcher: Watcher | None = None,
) -> FoldReport:
    """Train ``count`` networks, each on all folds but one, and score them on that one.

    Parameters
    ----------
    recipe : Recipe
        Its test set is not opened; ``keep`` must be ``"last"``, or the scores would be chosen by.
    count : int
        Folds: of whole records where the data has groups, else of equal class shares.
    folder : path, optional
        Gets ``folds.json``; without, nothing is written.
    threads : int, optional
    watcher : Watcher, optional
        Is told of each training in turn.

    Raises
    ------
    UsageError
        The recipe keeps the best epoch.
    TrainingError
        The folder holds another cross-validation.
    DataError
        Fewer records than folds.
    """
    if recipe.train.keep != "last":
        raise UsageError(
            "train.keep='best' would choose by the fold that is scored",
            hint="--set train.keep=last",
        )
    kept = None if folder is None else Path(folder) / FOLDS_NAME
    if kept is not None and kept.exists():
        raise TrainingError(
            f"{kept.parent} already holds a cross-validation", hint="-o names another folder"
        )
    if threads is not None:
        torch.set_num_threads(threads)
    dataset = as_mapped(open_dataset(recipe.data.train), recipe.input)
    task = training_task(recipe)
    if recipe.task != "classify":
        raise UsageError(
            f"{recipe.name} has the task {recipe.task}: folds are for classifiers",
            hint="train it without --folds",
        )
    targets = labelled_targets(dataset)
    seed = recipe.train.seed
    if dataset.groups is not None:
        fold_of = group_folds(targets, dataset.groups, count, seed)
    else:
        fold_of = stratified_folds(targets, count, seed)
    everything = np.arange(len(targets))
    predictions = np.zeros(len(targets), dtype=np.int64)
    scores, groups = [], []
    for fold in range(count):
        inside, outside = everything[fold_of != fold], everything[fold_of == fold]
        if recipe.data.limit is not None and recipe.data.limit < len(inside):
            drawn = np.random.default_rng(seed).permutation(inside)
            inside = np.sort(drawn[: recipe.data.limit])
        plan = task.plan(recipe, dataset, (inside, outside))
        torch.manual_seed(seed)
        module = build_module(recipe, plan.labels, plan.spec)
        if recipe.transfer is not None:
            check_pixels(recipe.transfer, plan.spec)
            load_pretrained(module, recipe.transfer)
        state = FitState.fresh(module, recipe.train, recipe.transfer)
        parts = task.prepare(recipe, dataset, plan)
        fit(state, parts.train, parts.validation, recipe.train, parts.objective, watcher=watcher)
        logits = predict_outputs(state.average.module, parts.validation.inputs)
        predictions[outside] = logits.argmax(1).numpy()
        metadata = make_metadata(recipe, plan.labels, plan.spec, module, ())
        score = partial(score_predictions, dataset=dataset, metadata=metadata)
        accuracy = score(targets[outside], predictions[outside], indices=outside)
        scores.append(msgspec.structs.replace(accuracy, note=f"fold {fold + 1} of {count}"))
        if dataset.groups is not None:
            groups.append(tuple(str(name) for name in np.unique(dataset.groups[outside])))
    pooled = score(targets, predictions, indices=everything)
    report = FoldReport(
        recipe=recipe.name,
        folds=tuple(scores),
        pooled=msgspec.structs.replace(pooled, note=f"{count} folds, each answered unseen"),
        groups=tuple(groups),
    )
    if kept is not None:
        write_text(kept, msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n")
    return report
