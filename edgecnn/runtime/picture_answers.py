"""What a model's output says about the picture it was given, task by task."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import TaskError
from edgecnn.metadata import ModelMetadata
from edgecnn.preprocessing.image import as_bgr
from edgecnn.runtime.box_drawing import draw_boxes
from edgecnn.runtime.processor import Result
from edgecnn.runtime.tasks.classify import UNKNOWN, decode
from edgecnn.runtime.tasks.detect import NOTHING, Detections, detect
from edgecnn.runtime.tasks.image_to_image import decode_pixels

__all__ = ["PictureAnswer", "picture_answer"]

#: Maps the output of a batch of one, the contract, the picture and how many labels to list to the
#: answer.
PictureAnswer = Callable[[NDArray[np.float32], ModelMetadata, NDArray[Any], int], Result]


def picture_answer(task: str, source: str) -> PictureAnswer:
    """Return what answers pictures for a task.

    Raises
    ------
    TaskError
        Nothing does.
    """
    if task not in _ANSWERS:
        raise TaskError(
            f"{source} is made for the task {task}, which does not answer pictures here",
            hint=f"tasks that do: {', '.join(_ANSWERS)}",
        )
    return _ANSWERS[task]


def _classified(
    output: NDArray[np.float32], metadata: ModelMetadata, picture: NDArray[Any], top: int
) -> Result:
    answer = decode(output, metadata, top=top)[0]
    least = metadata.output.min_score
    if answer.label != UNKNOWN or answer.score >= least:
        return Result(answer.label, answer.score, answer.top)
    reason = f"best score {answer.score:.3f} is below {least:g}"
    return Result(UNKNOWN, answer.score, answer.top, "unknown", reason, "low-score")


def _detected(
    output: NDArray[np.float32], metadata: ModelMetadata, picture: NDArray[Any], top: int
) -> Result:
    """List the boxes; the label is the best one's. That nothing is there is an answer too."""
    found = detect(output[0], metadata, picture.shape[0], picture.shape[1])
    best = found.best_by_label(metadata.labels, top)
    label, score = best[0] if best else (NOTHING, 0.0)
    return Result(
        label,
        score,
        best,
        fields={"boxes": found.rows(metadata.labels)},
        draw=partial(_drawn, picture, found, metadata.labels),
        draws_labels=True,
    )


def _drawn(picture: NDArray[Any], found: Detections, names: tuple[str, ...]) -> NDArray[np.uint8]:
    return draw_boxes(as_bgr(picture), found, names)


def _repainted(
    output: NDArray[np.float32], metadata: ModelMetadata, picture: NDArray[Any], top: int
) -> Result:
    """Show the picture that the network made; it names nothing."""
    assert metadata.output.pixels is not None
    (made,) = decode_pixels(output, metadata.output.pixels)
    return Result("", 0.0, fields={"size": [made.shape[1], made.shape[0]]}, draw=lambda: made)


_ANSWERS: dict[str, PictureAnswer] = {
    "classify": _classified,
    "detect": _detected,
    "image-to-image": _repainted,
}
