"""Run a detector over a dataset and say how good it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.data.objects import ObjectDataset, Objects
from edgecnn.errors import DataError
from edgecnn.evaluation.detection import match, mean_average_precision
from edgecnn.evaluation.sampling import draw
from edgecnn.metadata import Accuracy, ClassScore, ImageInput, ModelMetadata
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.detect import Detections, detect_in_tensor, unmatched

__all__ = [
    "LEAST_SCORE",
    "detector_accuracy",
    "evaluate_detector",
    "evaluate_outputs",
    "object_dataset",
    "relabelled",
    "same_boxes",
]

Progress = Callable[[int, int], None]

#: Boxes as faint as this still count towards an average precision.
LEAST_SCORE = 0.01

#: Pictures held at a time.
_CHUNK = 64


def evaluate_detector(
    model: Model,
    dataset: Dataset,
    *,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Accuracy:
    """Measure a detector on pictures whose objects are known.

    Parameters
    ----------
    model : Model
        Of the task ``detect``. Pictures go through it one by one, as on the device.
    dataset : Dataset
        Its labels are matched to the model's by name.
    limit : int, optional
        Measure on this many pictures, drawn at random with ``seed``.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    Accuracy
        See :func:`detector_accuracy`.

    Raises
    ------
    DataError
        The data knows no objects, or has labels that the model does not.
    """
    metadata = model.metadata
    objects = object_dataset(dataset, metadata)
    spec = metadata.input
    assert isinstance(spec, ImageInput)
    numbers = draw(len(objects), limit, seed=seed)
    found: list[Detections] = []
    truth: list[Objects] = []
    # Frames of many sizes are no batch.
    chunk = 1 if spec.embedded else _CHUNK
    for start in range(0, len(numbers), chunk):
        tensors, there = objects.examples(spec, numbers[start : start + chunk])
        truth += [relabelled(one, dataset, metadata) for one in there]
        for tensor in tensors:
            output = model.run({spec.name: tensor[None]})[0]
            found.append(detect_in_tensor(output, metadata, min_score=LEAST_SCORE))
        if progress is not None:
            progress(len(found), len(numbers))
    drawn = f"{len(numbers)} pictures drawn at random (seed {seed})"
    notes = [drawn] if len(numbers) < len(dataset) else []
    return detector_accuracy(found, truth, dataset, metadata, notes=notes)


def evaluate_outputs(
    outputs: NDArray[np.float32],
    dataset: Dataset,
    metadata: ModelMetadata,
    numbers: NDArray[np.integer],
    *,
    notes: Sequence[str] = (),
) -> Accuracy:
    """Score outputs that were computed elsewhere, as :func:`evaluate_detector` does.

    Parameters
    ----------
    outputs : ndarray of float32, first axis N
    numbers : ndarray of int, shape (N,)
        Which pictures of the dataset they belong to.
    """
    assert isinstance(metadata.input, ImageInput)
    # Where the objects are is told in pixels of the network's input, whoever resizes to it.
    spec = msgspec.structs.replace(metadata.input, embedded=False)
    objects = object_dataset(dataset, metadata)
    found = [detect_in_tensor(one, metadata, min_score=LEAST_SCORE) for one in outputs]
    truth: list[Objects] = []
    for start in range(0, len(numbers), _CHUNK):
        _, there = objects.examples(spec, numbers[start : start + _CHUNK])
        truth += [relabelled(one, dataset, metadata) for one in there]
    return detector_accuracy(found, truth, dataset, metadata, notes=notes)


def same_boxes(
    first: NDArray[np.float32], second: NDArray[np.float32], metadata: ModelMetadata
) -> float:
    """Return the share of pictures in which two outputs give the same boxes.

    Each box has one of the same label in the other answer that it overlaps by half or more.
    """
    same = 0
    for one, other in zip(first, second, strict=True):
        boxes, others = (detect_in_tensor(output, metadata) for output in (one, other))
        same += unmatched(boxes, others) is None and unmatched(others, boxes) is None
    return same / len(first) if len(first) else 1.0


def object_dataset(dataset: Dataset, metadata: ModelMetadata) -> ObjectDataset:
    """Return the dataset if its pictures' objects are known, and known to the model.

    Raises
    ------
    DataError
        They are not.
    """
    if not isinstance(dataset, ObjectDataset) or not len(dataset):
        raise DataError(
            f"{dataset.info.name}:{dataset.info.split} does not say where objects are",
            hint="digit-scenes:test does",
        )
    strange = [label for label in dataset.info.labels if label not in metadata.labels]
    if strange:
        raise DataError(
            f"{dataset.info.name} has labels that the model does not: {', '.join(strange[:8])}"
        )
    return dataset


def relabelled(objects: Objects, dataset: Dataset, metadata: ModelMetadata) -> Objects:
    """Return objects with the model's indices in place of the dataset's."""
    table = np.array([metadata.labels.index(label) for label in dataset.info.labels], np.int64)
    return Objects(objects.boxes, table[objects.labels])


def detector_accuracy(
    found: Sequence[Detections],
    truth: Sequence[Objects],
    dataset: Dataset,
    metadata: ModelMetadata,
    *,
    notes: Sequence[str] = (),
) -> Accuracy:
    """Score what was found in each picture.

    Parameters
    ----------
    found : sequence of Detections
        Down to :data:`LEAST_SCORE`.
    truth : sequence of Objects
        In the same pixels, with the model's labels.

    Returns
    -------
    Accuracy
        ``"mAP@0.5"`` with an interval by bootstrap over pictures; ``n`` counts pictures. Per class
        the average precision, and sensitivity and positive predictivity of boxes that reach the
        contract's ``min_score``; its ``n`` counts objects.
    """
    matches = match(found, truth, len(metadata.labels))
    score = mean_average_precision(matches)
    shown = matches.scores >= metadata.output.min_score
    per_class = {}
    for number, label in enumerate(metadata.labels):
        mine = shown & (matches.labels == number)
        hits, answered = int(matches.right[mine].sum()), int(mine.sum())
        count = int(matches.objects[:, number].sum())
        per_class[label] = ClassScore(
            sensitivity=hits / count if count else None,
            positive_predictivity=hits / answered if answered else None,
            f1=2 * hits / (count + answered) if count + answered else None,
            n=count,
            average_precision=score.per_class[number],
        )
    said = [note for note in (dataset.info.note, *notes) if note] + [
        f"{int(matches.objects.sum())} objects; average precision by the all-point rule"
    ]
    return Accuracy(
        dataset=dataset.info.name,
        split=dataset.info.split,
        metric="mAP@0.5",
        value=score.value,
        interval_95=score.interval_95,
        n=len(truth),
        per_class=per_class,
        note="; ".join(said),
    )
