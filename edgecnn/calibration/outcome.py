"""What quantization did to the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.data.pictures import PictureDataset
from edgecnn.errors import ImageError
from edgecnn.evaluation.detector import (
    evaluate_outputs,
    object_dataset,
    same_boxes,
)
from edgecnn.evaluation.evaluate import matched_targets, predict_dataset, score_predictions
from edgecnn.evaluation.language import NATS_PER_CHARACTER, measure_text, running_text
from edgecnn.evaluation.sampling import draw
from edgecnn.metadata import Accuracy, ModelMetadata
from edgecnn.runtime.session import Model
from edgecnn.runtime.writer import Writer

__all__ = [
    "Memory",
    "Outcome",
    "agreement_on",
    "check_answers",
    "compare_answers",
    "dataset_name",
    "points_lost",
    "same_words",
]

_AGREEMENT_SAMPLES = 1000

Progress = Callable[[int, int], None]

#: What the FP32 file answered, by data: it runs once, however many forms are compared with it.
Memory = dict[tuple[int, bytes], NDArray[np.float32]]


@dataclass(frozen=True)
class Outcome:
    """How two files answer the same examples.

    Attributes
    ----------
    fp32, int8 : Accuracy or None
        None where there are no labels to measure against.
    agreement : float
        Share of examples with the same label from both.
    on : str
        Which examples they were.
    n : int
        How many.
    indices : ndarray of int, optional
        Their numbers, where they are some of the calibration data.
    """

    fp32: Accuracy | None
    int8: Accuracy | None
    agreement: float
    on: str
    n: int
    indices: NDArray[np.integer] | None = None


def check_answers(dataset: Dataset, metadata: ModelMetadata) -> None:
    """Refuse data that a model's answers cannot be measured on.

    Raises
    ------
    DataError
        As :func:`edgecnn.evaluation.evaluate.evaluate_model`.
    """
    if metadata.task == "detect":
        object_dataset(dataset, metadata)
    elif metadata.task == "generate":
        running_text(dataset)
    else:
        matched_targets(dataset, metadata)


def compare_answers(
    fp32: Model,
    int8: Model,
    dataset: Dataset,
    *,
    progress: Progress | None = None,
    memory: Memory | None = None,
) -> Outcome:
    """Measure two files on labelled data.

    Parameters
    ----------
    memory : dict, optional
        Filled with the first file's outputs, and used instead of running it again.

    Raises
    ------
    DataError
        As :func:`edgecnn.evaluation.evaluate.evaluate_model`.
    """
    if fp32.metadata.task == "detect":
        return _compare_detectors(fp32, int8, dataset, progress, memory)
    if fp32.metadata.task == "generate":
        return _compare_writers(fp32, int8, dataset, progress)
    indices, targets, left_out = matched_targets(dataset, fp32.metadata)
    first, second = _labels((fp32, int8), dataset, indices, progress, memory)
    agreement = float(np.mean(first == second))
    notes = [dataset.info.note, left_out]
    before = score_predictions(targets, first, dataset, fp32.metadata, indices=indices, notes=notes)
    notes += [f"the FP32 file: {before.value:.4f}; same label in {agreement:.2%}"]
    after = score_predictions(targets, second, dataset, fp32.metadata, indices=indices, notes=notes)
    return Outcome(before, after, agreement, dataset_name(dataset), len(indices))


def agreement_on(
    fp32: Model,
    int8: Model,
    dataset: Dataset,
    used: NDArray[np.integer],
    *,
    progress: Progress | None = None,
    memory: Memory | None = None,
) -> Outcome:
    """Compare labels on calibration data, on examples that took no part where there are any.

    Pictures that cannot be read are left out, and counted.
    """
    rest = np.setdiff1d(np.arange(len(dataset)), used)
    indices = rest[draw(len(rest), _AGREEMENT_SAMPLES)] if rest.size else used
    models, left_out = (fp32, int8), 0
    try:
        agreement = _agreement(models, dataset, indices, progress, memory)
    except ImageError:
        if not isinstance(dataset, PictureDataset):
            raise
        readable = [index for index in indices if _can_be_read(dataset, int(index))]
        left_out = len(indices) - len(readable)
        indices = np.array(readable, np.int64) if readable else used
        agreement = _agreement(models, dataset, indices, progress, memory)
    part = "used" if np.isin(indices, used).all() else "not used"
    on = f"{dataset_name(dataset)}, {part} in calibration"
    if left_out:
        on += f", {left_out} unreadable left out"
    return Outcome(None, None, agreement, on, len(indices), indices)


def _agreement(
    models: tuple[Model, Model],
    dataset: Dataset,
    indices: NDArray[np.integer],
    progress: Progress | None,
    memory: Memory | None,
) -> float:
    if models[0].metadata.task == "detect":
        outputs = _outputs(models, dataset, indices, progress, memory)
        return same_boxes(*outputs, models[0].metadata)
    first, second = _labels(models, dataset, indices, progress, memory)
    return float(np.mean(first == second))


def _can_be_read(dataset: PictureDataset, index: int) -> bool:
    try:
        dataset.picture(index)
    except ImageError:
        return False
    return True


def points_lost(outcome: Outcome) -> float | None:
    """Return by how much the second file is worse, in points of its metric; of text in nats.

    None without labels.
    """
    if outcome.fp32 is None or outcome.int8 is None:
        return None
    lost = outcome.fp32.value - outcome.int8.value
    # 0 is taken from, lest no drop reads -0.
    return 0.0 - lost if outcome.fp32.metric == NATS_PER_CHARACTER else 100 * lost


def same_words(task: str) -> str:
    """Say what agreement counts.

    Examples
    --------
    >>> same_words("detect")
    'same boxes'
    """
    return {"detect": "same boxes", "generate": "same next character"}.get(task, "same label")


def dataset_name(dataset: Dataset) -> str:
    """Return a dataset's name and split, as ``open_dataset`` takes them."""
    return f"{dataset.info.name}:{dataset.info.split}"


def _labels(
    models: tuple[Model, Model],
    dataset: Dataset,
    indices: NDArray[np.integer],
    progress: Progress | None,
    memory: Memory | None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Answer by both files: per example, or after each character."""
    first, second = _outputs(models, dataset, indices, progress, memory)
    return first.argmax(axis=-1), second.argmax(axis=-1)


def _outputs(
    models: tuple[Model, Model],
    dataset: Dataset,
    indices: NDArray[np.integer],
    progress: Progress | None,
    memory: Memory | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run both files, one after the other."""
    n = len(indices)
    key = (id(dataset), indices.tobytes())
    answers = []
    for number, model in enumerate(models):
        if memory is not None and not number and key in memory:
            answers.append(memory[key])
            continue

        def half(done: int, _: int, *, before: int = number * n) -> None:
            if progress is not None:
                progress(before + done, 2 * n)

        answers.append(predict_dataset(model, dataset, indices=indices, progress=half))
        if memory is not None and not number:
            memory[key] = answers[0]
    return answers[0], answers[1]


def _compare_detectors(
    fp32: Model,
    int8: Model,
    dataset: Dataset,
    progress: Progress | None,
    memory: Memory | None,
) -> Outcome:
    """Measure two detectors on pictures whose objects are known."""
    indices = np.arange(len(dataset))
    first, second = _outputs((fp32, int8), dataset, indices, progress, memory)
    agreement = same_boxes(first, second, fp32.metadata)
    before = evaluate_outputs(first, dataset, fp32.metadata, indices)
    note = f"the FP32 file: {before.value:.4f}; same boxes in {agreement:.2%} of the pictures"
    after = evaluate_outputs(second, dataset, fp32.metadata, indices, notes=[note])
    return Outcome(before, after, agreement, dataset_name(dataset), len(indices))


def _compare_writers(
    fp32: Model, int8: Model, dataset: Dataset, progress: Progress | None
) -> Outcome:
    """Measure two networks that write; they agree where the same character is the likeliest."""
    text = running_text(dataset)
    measured = []
    for number, writer in enumerate((Writer(fp32), Writer(int8))):

        def half(done: int, total: int, *, before: int = number) -> None:
            if progress is not None:
                progress(before * total + done, 2 * total)

        measured.append(measure_text(writer.run, writer.spec, text, progress=half))
    before, after = measured
    agreed = agreement_on(fp32, int8, dataset, np.arange(0))
    note = f"the FP32 file: {before.value:.4f}; same character in {agreed.agreement:.2%}"
    after = msgspec.structs.replace(after, note="; ".join(filter(None, (after.note, note))))
    return Outcome(before, after, agreed.agreement, dataset_name(dataset), before.n)
