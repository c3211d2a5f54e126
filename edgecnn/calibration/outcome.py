"""What quantization did to the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.dataset import Dataset
from edgecnn.evaluation.evaluate import matched_targets, predict_dataset, score_predictions
from edgecnn.evaluation.sampling import draw
from edgecnn.metadata import Accuracy
from edgecnn.runtime.session import Model

__all__ = ["Outcome", "agreement_on", "compare_answers"]

_AGREEMENT_SAMPLES = 1000

Progress = Callable[[int, int], None]


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
    """

    fp32: Accuracy | None
    int8: Accuracy | None
    agreement: float
    on: str
    n: int


def compare_answers(
    fp32: Model, int8: Model, dataset: Dataset, *, progress: Progress | None = None
) -> Outcome:
    """Measure two files on labelled data.

    Raises
    ------
    DataError
        As :func:`edgecnn.evaluation.evaluate.evaluate_model`.
    """
    indices, targets, left_out = matched_targets(dataset, fp32.metadata)
    first, second = _labels(fp32, int8, dataset, indices, progress)
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
) -> Outcome:
    """Compare labels on calibration data, on examples that took no part where there are any."""
    rest = np.setdiff1d(np.arange(len(dataset)), used)
    indices = rest[draw(len(rest), _AGREEMENT_SAMPLES)] if rest.size else used
    first, second = _labels(fp32, int8, dataset, indices, progress)
    name = dataset_name(dataset)
    on = f"{name}, not used in calibration" if rest.size else f"{name}, used in calibration"
    return Outcome(None, None, float(np.mean(first == second)), on, len(indices))


def dataset_name(dataset: Dataset) -> str:
    """Return a dataset's name and split, as ``open_dataset`` takes them."""
    return f"{dataset.info.name}:{dataset.info.split}"


def _labels(
    fp32: Model,
    int8: Model,
    dataset: Dataset,
    indices: NDArray[np.integer],
    progress: Progress | None,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Answer by both files, one after the other."""
    n = len(indices)
    answers = []
    for number, model in enumerate((fp32, int8)):

        def half(done: int, _: int, *, before: int = number * n) -> None:
            if progress is not None:
                progress(before + done, 2 * n)

        logits = predict_dataset(model, dataset, indices=indices, progress=half)
        answers.append(logits.argmax(axis=1))
    return answers[0], answers[1]
