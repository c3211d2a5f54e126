"""Two detectors on the same pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.data.objects import ObjectDataset, Objects
from edgecnn.errors import DataError
from edgecnn.evaluation.detection import map_difference, match
from edgecnn.evaluation.detector import (
    LEAST_SCORE,
    detector_accuracy,
    object_dataset,
    relabelled,
)
from edgecnn.evaluation.metrics import wilson_interval
from edgecnn.evaluation.paired_answers import Changed, PairedAnswers, Progress
from edgecnn.evaluation.sampling import draw
from edgecnn.metadata import ImageInput
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.detect import Detections, detect_in_tensor, unmatched

__all__ = ["compare_detectors"]

#: Pictures held at a time.
_CHUNK = 64
_MOST_WORST = 12


def compare_detectors(
    first: Model,
    second: Model,
    dataset: Dataset,
    *,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> PairedAnswers:
    """Run two detectors over pictures, one by one as on the device.

    They agree on a picture in which each box of one, at its contract's ``min_score``, has a box of
    the same label in the other's answer that it overlaps by half or more.

    Parameters
    ----------
    first, second : Model
        With the same labels, and the same view of a picture.
    dataset : Dataset
        One that knows its objects gives mAP; otherwise only agreement is measured.
    """
    spec = first.metadata.input
    assert isinstance(spec, ImageInput)
    known = isinstance(dataset, ObjectDataset)
    if known:
        object_dataset(dataset, first.metadata)
    if not len(dataset):
        raise DataError(f"{dataset.info.name} holds no examples")
    indices = draw(len(dataset), limit, seed=seed)
    found: tuple[list[Detections], list[Detections]] = ([], [])
    truth: list[Objects] = []
    embedded = [
        isinstance(m.metadata.input, ImageInput) and m.metadata.input.embedded
        for m in (first, second)
    ]
    # Frames of many sizes are no batch.
    chunk = 1 if any(embedded) else _CHUNK
    for start in range(0, len(indices), chunk):
        part = indices[start : start + chunk]
        found[0].extend(_answers(first, first, dataset, part))
        found[1].extend(_answers(second, first, dataset, part))
        if isinstance(dataset, ObjectDataset):
            there = dataset.examples(spec, part)[1]
            truth += [relabelled(one, dataset, first.metadata) for one in there]
        if progress is not None:
            progress(len(found[0]), len(indices))
    shown = tuple(
        [_at_least(one, model.metadata.output.min_score) for one in answers]
        for model, answers in zip((first, second), found, strict=True)
    )
    same = np.array(
        [
            unmatched(one, other) is None and unmatched(other, one) is None
            for one, other in zip(*shown, strict=True)
        ]
    )
    measured = PairedAnswers(
        n=len(indices),
        unit="pictures",
        indices=indices,
        agreement=float(same.mean()),
        agreement_on="same boxes",
        agreement_interval_95=wilson_interval(int(same.sum()), len(same)),
        worst=tuple(
            Changed(
                index=int(indices[row]),
                label=None,
                first=_words(shown[0][row], first.metadata.labels),
                second=_words(shown[1][row], first.metadata.labels),
                change=1.0,
            )
            for row in np.flatnonzero(~same)[:_MOST_WORST]
        ),
    )
    if not known:
        return measured
    notes = (
        []
        if len(indices) == len(dataset)
        else [f"{len(indices)} pictures drawn at random (seed {seed})"]
    )
    before, after = (
        detector_accuracy(answers, truth, dataset, first.metadata, notes=notes) for answers in found
    )
    classes = len(first.metadata.labels)
    difference, interval = map_difference(*(match(answers, truth, classes) for answers in found))
    return replace(
        measured,
        first=before,
        second=after,
        difference=difference,
        difference_interval_95=interval,
        interval_method="bootstrap by picture",
    )


def _answers(
    model: Model, first: Model, dataset: Dataset, part: NDArray[np.int64]
) -> list[Detections]:
    """Run a model over some pictures; labels are the first model's."""
    spec = model.metadata.input
    assert isinstance(spec, ImageInput)
    tensors = dataset.inputs(spec, part)[spec.name]
    table = np.array([first.metadata.labels.index(label) for label in model.metadata.labels])
    answers = []
    for tensor in tensors:
        output = model.run({spec.name: tensor[None]})[0]
        one = detect_in_tensor(output, model.metadata, min_score=LEAST_SCORE)
        answers.append(Detections(one.boxes, one.scores, table[one.labels]))
    return answers


def _at_least(found: Detections, score: float) -> Detections:
    kept = found.scores >= score
    return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])


def _words(found: Detections, labels: tuple[str, ...]) -> str:
    names = [f"{labels[int(i)]} {s:.2f}" for i, s in zip(found.labels, found.scores, strict=True)]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "") if names else "nothing"
