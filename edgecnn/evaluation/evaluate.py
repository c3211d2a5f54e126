"""Run a model file over a dataset and say how good it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edgecnn.data.class_maps import as_mapped
from edgecnn.data.dataset import Dataset
from edgecnn.errors import DataError, UsageError
from edgecnn.evaluation.detector import evaluate_detector
from edgecnn.evaluation.language import measure_text, running_text
from edgecnn.evaluation.metrics import (
    accuracy,
    bootstrap_interval,
    class_scores,
    confusion_by_group,
    confusion_matrix,
    macro_f1,
    wilson_interval,
)
from edgecnn.evaluation.sampling import draw
from edgecnn.metadata import (
    Accuracy,
    BeatInput,
    CharacterInput,
    ImageInput,
    InputSpec,
    ModelMetadata,
    SignalInput,
    reads,
)
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.session import Model
from edgecnn.runtime.writer import Writer

__all__ = [
    "evaluate_model",
    "input_batches",
    "matched_targets",
    "predict_dataset",
    "ranked_rows",
    "score_predictions",
]

Progress = Callable[[int, int], None]

#: Classes that a beat classifier is ranked by. MIT-BIH has too few of F and Q to rank anything.
BEAT_CLASSES = ("N", "S", "V")

#: With fewer records, drawing them anew tells little about records yet unseen.
_FEW_RECORDS = 8

#: Preprocessed examples held at a time.
_CHUNK_BYTES = 16 * 2**20

#: Examples that go through a network at once, and what they may take.
_LARGEST_BATCH, _BATCH_BYTES = 64, 4 * 2**20


def evaluate_model(
    model: Model,
    dataset: Dataset,
    *,
    batch: int | None = None,
    limit: int | None = None,
    seed: int = 0,
    class_map: Literal["literature", "bxb"] | None = None,
    progress: Progress | None = None,
) -> Accuracy:
    """Measure a model on labelled data, preprocessed by the model's own metadata.

    Parameters
    ----------
    model : Model
        From :func:`edgecnn.runtime.session.load_model`.
    dataset : Dataset
        Its labels are matched to the model's by name.
    batch : int, optional
        Examples per run of the network; the default is at most 64, and as many as take 4 MB: what
        a network holds inside grows with them.
    limit : int, optional
        Measure on this many examples, drawn at random with ``seed``.
    class_map : "literature" or "bxb", optional
        Judge heartbeats by this map of their annotations; the default is the contract's.
    progress : callable, optional
        Called with (examples done, examples in all).

    Returns
    -------
    Accuracy
        For pictures and sentences the accuracy, with the Wilson interval. For heartbeats
        ``"macro-F1 (N,S,V)"`` with an interval by bootstrap over records; beats of a class that
        the model does not have are left out, and ``note`` says how many. For fragments of signals
        the accuracy, with the macro-F1 in ``note`` and, where the data keeps patients apart, an
        interval by bootstrap over them. For a network that
        writes, what :func:`edgecnn.evaluation.language.measure_text` gives; its ``limit`` counts
        characters.
        For a detector mAP@0.5: see :func:`edgecnn.evaluation.detector.detector_accuracy`.

    Raises
    ------
    DataError
        The data has no labels, labels that the model does not know, or no examples.
    """
    metadata = model.metadata
    if isinstance(metadata.input, BeatInput) and class_map is not None:
        metadata = replace(metadata, input=replace(metadata.input, class_map=class_map))
    elif class_map is not None:
        raise UsageError(
            f"{model.path} reads {reads(metadata.input)}: a class map is for heartbeats",
            hint="leave --map out",
        )
    if metadata.task == "detect":
        return evaluate_detector(model, dataset, limit=limit, seed=seed, progress=progress)
    if isinstance(model.metadata.input, CharacterInput):
        writer = Writer(model)
        text = running_text(dataset)
        return measure_text(writer.run, writer.spec, text, limit=limit, progress=progress)
    dataset = as_mapped(dataset, metadata.input)
    indices, targets, left_out = matched_targets(dataset, metadata)
    chosen = draw(len(indices), limit, seed=seed)
    indices, targets = indices[chosen], targets[chosen]
    logits = predict_dataset(model, dataset, indices=indices, batch=batch, progress=progress)
    notes = [dataset.info.note, left_out]
    if limit is not None and limit < len(dataset):
        notes.append(f"{len(indices)} examples drawn at random (seed {seed})")
    return score_predictions(
        targets, logits.argmax(axis=1), dataset, metadata, indices=indices, notes=notes
    )


def matched_targets(
    dataset: Dataset, metadata: ModelMetadata
) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Match a dataset's classes to a model's by name.

    Returns
    -------
    indices : ndarray of int64
        Examples that can be scored.
    targets : ndarray of int64
        Their classes, as indices into the model's labels.
    note : str
        What was left out; empty when nothing was.

    Raises
    ------
    DataError
        No labels, or (for pictures) one that the model does not have.
    """
    name = dataset.info.name
    dataset = as_mapped(dataset, metadata.input)
    if not len(dataset):
        raise DataError(f"{name} holds no examples")
    if dataset.targets is None:
        raise DataError(
            f"{name} has no labels to measure against",
            hint="give a folder with one sub-folder per class, a list with labels, or annotated "
            "records",
        )
    known = {label: index for index, label in enumerate(metadata.labels)}
    # Labels that no example bears need not be known.
    present = np.unique(dataset.targets)
    unknown = [dataset.info.labels[i] for i in present if dataset.info.labels[i] not in known]
    if unknown and (len(unknown) == len(present) or not isinstance(metadata.input, BeatInput)):
        raise DataError(
            f"{name} has labels that the model does not: {_listed(unknown)}",
            hint=f"the model's are: {_listed(metadata.labels)}",
        )
    table = np.array([known.get(label, -1) for label in dataset.info.labels], dtype=np.int64)
    targets = table[dataset.targets]
    indices = np.flatnonzero(targets >= 0)
    missing = len(dataset) - len(indices)
    note = f"{missing} beats of class {', '.join(unknown)} left out" if missing else ""
    return indices, targets[indices], note


def predict_dataset(
    model: Model,
    dataset: Dataset,
    *,
    indices: NDArray[np.integer] | None = None,
    batch: int | None = None,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """Run a model over examples, a bounded number in memory at a time.

    ``batch`` is that of :func:`evaluate_model`.

    Returns
    -------
    ndarray of float32, shape (N, classes)
        The network's output, before any activation.
    """
    outputs = []
    done, total = 0, len(dataset) if indices is None else len(indices)
    spec = model.metadata.input
    if batch is None:
        batch = int(np.clip(_BATCH_BYTES // _example_bytes(spec), 1, _LARGEST_BATCH))
    for inputs in input_batches(dataset, spec, indices=indices, batch=batch):
        outputs.append(model.run(inputs))
        done += len(outputs[-1])
        if progress is not None:
            progress(done, total)
    if not outputs:
        return np.empty((0, len(model.metadata.labels)), dtype=np.float32)
    return np.concatenate(outputs)


def input_batches(
    dataset: Dataset,
    spec: InputSpec,
    *,
    indices: NDArray[np.integer] | None = None,
    batch: int = 64,
) -> Iterator[Tensors]:
    """Preprocess examples batch by batch.

    The dataset is asked for more than one batch at a time, since some work (filtering a whole ECG
    record) serves many examples.

    Yields
    ------
    mapping of str to ndarray
        By the names of the model's inputs, at most ``batch`` rows; one where pictures are not
        resized before the graph.
    """
    order = np.arange(len(dataset)) if indices is None else indices
    if isinstance(spec, ImageInput) and spec.free_axes:
        # Frames of many sizes are no batch.
        for index in order:
            yield dataset.inputs(spec, np.array([index]))
        return
    chunk = batch * max(1, _CHUNK_BYTES // (_example_bytes(spec) * batch))
    for start in range(0, len(order), chunk):
        inputs = dataset.inputs(spec, order[start : start + chunk])
        rows = len(next(iter(inputs.values())))
        for first in range(0, rows, batch):
            yield {name: tensor[first : first + batch] for name, tensor in inputs.items()}


def _example_bytes(spec: InputSpec) -> int:
    return 4 * sum(int(np.prod(shape)) for shape in spec.tensors.values())


def score_predictions(
    targets: NDArray[np.int64],
    predictions: NDArray[np.integer],
    dataset: Dataset,
    metadata: ModelMetadata,
    *,
    indices: NDArray[np.integer],
    notes: list[str] | None = None,
) -> Accuracy:
    """Score answers that were computed elsewhere, as :func:`evaluate_model` does.

    Parameters
    ----------
    targets, predictions : ndarray of int, shape (N,)
        Indices into the model's labels.
    indices : ndarray of int, shape (N,)
        Which examples of the dataset they belong to.
    """
    labels = metadata.labels
    confusion = confusion_matrix(targets, predictions, len(labels))
    metric, value, interval = "accuracy", accuracy(confusion), (0.0, 1.0)
    said = [note for note in notes or [] if note]
    by_record: dict[str, tuple[tuple[int, ...], ...]] = {}
    if isinstance(metadata.input, BeatInput):
        ranked, rows = ranked_rows(labels)
        groups = np.full(len(indices), "all") if dataset.groups is None else dataset.groups[indices]
        metric, value = f"macro-F1 ({','.join(ranked)})", macro_f1(confusion, rows)
        names = np.unique(groups)
        if 1 < len(names) < _FEW_RECORDS:
            said.append(f"only {len(names)} records: the interval says little")
        each = confusion_by_group(targets, predictions, groups, len(labels))
        interval = bootstrap_interval(each, lambda matrix: macro_f1(matrix, rows))
        by_record = {str(record): _rows(matrix) for record, matrix in zip(names, each, strict=True)}
        shared = np.isin(names, dataset.info.shared)
        if shared.any() and not shared.all():
            without = macro_f1(each[~shared].sum(axis=0), rows)
            said.append(
                f"macro-F1 {without:.4f} without {', '.join(names[shared])}, whose patient is in "
                "the training half too"
            )
    elif isinstance(metadata.input, SignalInput):
        # Rhythms are as unequal in number as heartbeats: the accuracy alone is that of the largest.
        occurring = np.flatnonzero(confusion.sum(axis=1))
        said.append(
            f"macro-F1 {macro_f1(confusion, occurring.tolist()):.4f} over the {len(occurring)} "
            "classes that occur"
        )
        interval = _signal_interval(targets, predictions, dataset, indices, len(labels))
    else:
        interval = wilson_interval(int(np.trace(confusion)), len(targets))
    return Accuracy(
        dataset=dataset.info.name,
        split=dataset.info.split,
        metric=metric,
        value=value,
        interval_95=interval,
        n=len(targets),
        per_class=class_scores(confusion, labels),
        confusion=_rows(confusion),
        note="; ".join(said),
        by_record=by_record,
    )


def _rows(matrix: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def _signal_interval(
    targets: NDArray[np.int64],
    predictions: NDArray[np.integer],
    dataset: Dataset,
    indices: NDArray[np.integer],
    classes: int,
) -> tuple[float, float]:
    """Return the accuracy's interval: over whole patients where the data keeps them apart."""
    if dataset.groups is None:
        return wilson_interval(int(np.count_nonzero(targets == predictions)), len(targets))
    groups = dataset.groups[indices]
    return bootstrap_interval(confusion_by_group(targets, predictions, groups, classes), accuracy)


def ranked_rows(labels: tuple[str, ...]) -> tuple[tuple[str, ...], list[int]]:
    """Return the classes that a beat classifier is ranked by, and their places among its labels."""
    ranked = tuple(label for label in BEAT_CLASSES if label in labels) or labels
    return ranked, [labels.index(label) for label in ranked]


def _listed(labels: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(labels[:8])
    return f"{shown}, ... ({len(labels)} in all)" if len(labels) > 8 else shown
