"""Detection: a network's output to labelled boxes in the picture that was given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import ImageInput, ModelMetadata
from edgecnn.preprocessing.fit import Fit, fit_of
from edgecnn.runtime.tasks.boxes import decode_boxes
from edgecnn.runtime.tasks.nms import overlaps, suppress

__all__ = [
    "NOTHING",
    "Detections",
    "changed_boxes",
    "detect",
    "detect_in_tensor",
    "unmatched",
]

#: Said instead of a label when nothing was found, which is an answer too.
NOTHING = "none"

#: How far a score must be from the threshold for drift not to carry it across.
_CLEARLY = 0.1


@dataclass(frozen=True, eq=False)
class Detections:
    """What was found in one picture, best first.

    Attributes
    ----------
    boxes : ndarray of float32, shape (n, 4)
        ``x0, y0, x1, y1`` in pixels; the right and lower edge lie outside.
    scores : ndarray of float32, shape (n,)
        0..1.
    labels : ndarray of int64, shape (n,)
        Indices into the contract's labels.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def best_by_label(self, names: tuple[str, ...], most: int) -> tuple[tuple[str, float], ...]:
        """Return each label that was found with its best score, best first."""
        found: dict[int, float] = {}
        for label, score in zip(self.labels, self.scores, strict=True):
            found.setdefault(int(label), float(score))
        return tuple((names[label], score) for label, score in list(found.items())[:most])

    def rows(self, names: tuple[str, ...]) -> list[list[float | str]]:
        """Return ``[x0, y0, x1, y1, label, score]`` of each box as plain data."""
        return [
            [*(round(float(edge), 2) for edge in box), names[int(label)], round(float(score), 6)]
            for box, label, score in zip(self.boxes, self.labels, self.scores, strict=True)
        ]


def detect(
    output: NDArray[np.float32], metadata: ModelMetadata, height: int, width: int
) -> Detections:
    """Turn one picture's output into boxes in that picture.

    Parameters
    ----------
    output : ndarray of float32
        Without the batch axis.
    metadata : ModelMetadata
        Of the task ``detect``.
    height, width : int
        Size in pixels of the picture as it was before preprocessing.

    Raises
    ------
    ModelError
        The output has another shape than the contract says.
    """
    assert isinstance(metadata.input, ImageInput)
    return _found(
        output, metadata, metadata.output.min_score, fit_of(height, width, metadata.input)
    )


def detect_in_tensor(
    output: NDArray[np.float32], metadata: ModelMetadata, *, min_score: float | None = None
) -> Detections:
    """Do the same, in pixels of the network's input.

    Parameters
    ----------
    min_score : float, optional
        In place of the contract's: an average precision counts faint boxes too.
    """
    assert isinstance(metadata.input, ImageInput)
    least = metadata.output.min_score if min_score is None else min_score
    spec = metadata.input
    return _found(output, metadata, least, fit_of(spec.height, spec.width, spec))


def unmatched(found: Detections, other: Detections, *, min_overlap: float = 0.5) -> int | None:
    """Return the first box that the other answer does not have; None when it has them all.

    A box is had by one of the same label that overlaps it by at least ``min_overlap``.
    """
    if not len(found):
        return None
    if not len(other):
        return 0
    same = (found.labels[:, None] == other.labels[None]) & (
        overlaps(found.boxes, other.boxes) >= min_overlap
    )
    missing = np.flatnonzero(~same.any(axis=1))
    return int(missing[0]) if missing.size else None


def changed_boxes(
    then: NDArray[np.float32], now: NDArray[np.float32], metadata: ModelMetadata
) -> tuple[str, str] | None:
    """Compare the boxes of two outputs for one picture.

    What is clearly there in one must be there in the other: a score beyond the contract's
    ``min_score`` by :data:`_CLEARLY` must not fall below it by as much.

    Parameters
    ----------
    then, now : ndarray of float32
        Without the batch axis.

    Returns
    -------
    (str, str) or None
        Both answers in words where they differ; None when they agree.
    """
    least = metadata.output.min_score
    clear, faint = (
        [detect_in_tensor(output, metadata, min_score=score) for output in (then, now)]
        for score in (min(1.0, least + _CLEARLY), max(0.0, least - _CLEARLY))
    )
    for one, other in ((0, 1), (1, 0)):
        box = unmatched(clear[one], faint[other])
        if box is not None:
            x0, y0, x1, y1 = (round(float(edge)) for edge in clear[one].boxes[box])
            name = metadata.labels[int(clear[one].labels[box])]
            words = (f"{name!r} at {x0},{y0} to {x1},{y1}", "nothing of the kind")
            return words if one == 0 else (words[1], words[0])
    return None


def _found(
    output: NDArray[np.float32], metadata: ModelMetadata, min_score: float, fit: Fit
) -> Detections:
    settings = metadata.output
    assert isinstance(metadata.input, ImageInput)
    assert settings.boxes is not None
    found = decode_boxes(output, settings, metadata.input, len(metadata.labels))
    likely = np.flatnonzero(found.scores >= min_score)
    kept = likely[
        suppress(
            found.boxes[likely],
            found.scores[likely],
            found.labels[likely],
            settings.boxes.max_overlap,
            limit=settings.boxes.limit,
        )
    ]
    boxes = fit.to_picture(found.boxes[kept])
    source = fit.source
    # Only what lies in the picture; a crop's surroundings were not looked at.
    low = np.array([source.left, source.top] * 2, dtype=np.float32)
    high = low + np.array([source.width, source.height] * 2, dtype=np.float32)
    return Detections(
        np.clip(boxes, low, high), found.scores[kept], found.labels[kept].astype(np.int64)
    )
