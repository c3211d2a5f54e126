"""How good a detector is: average precision by the all-point rule.

A box is right when it overlaps an object of its class by at least half (intersection over union)
that no better box has taken before it. Boxes of all pictures together, best first, give precision
and recall; average precision is the area under the precision that is still reached at each recall
or a higher one, at every point of the curve (PASCAL VOC since 2010, Everingham et al. 2010,
doi:10.1007/s11263-009-0275-4; COCO takes 101 points of the same curve). mAP is the mean over the
classes that occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.objects import Objects
from edgecnn.runtime.tasks.detect import Detections
from edgecnn.runtime.tasks.nms import overlaps

__all__ = [
    "DetectionScore",
    "Matches",
    "average_precision",
    "map_difference",
    "match",
    "mean_average_precision",
    "score_detections",
]

#: Resamples of the pictures for the interval.
_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class Matches:
    """Every box found in any picture, with whether it is right.

    Attributes
    ----------
    picture, labels : ndarray of int64, shape (n,)
    scores : ndarray of float64, shape (n,)
    right : ndarray of bool, shape (n,)
    objects : ndarray of int64, shape (pictures, classes)
        How many there were to be found.
    """

    picture: NDArray[np.int64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    objects: NDArray[np.int64]


@dataclass(frozen=True)
class DetectionScore:
    """mAP with its 95 % interval, and each class's average precision.

    ``per_class`` has None for a class without objects. ``interval_95`` is the percentile interval
    of a bootstrap over pictures.
    """

    value: float
    interval_95: tuple[float, float]
    per_class: tuple[float | None, ...]


def match(
    found: Sequence[Detections],
    truth: Sequence[Objects],
    classes: int,
    *,
    min_overlap: float = 0.5,
) -> Matches:
    """Decide of every box whether it is right.

    Within a picture and class, best boxes first: a box takes the object that it overlaps most; if
    that was taken by a better box, or is overlapped by less than ``min_overlap``, it is wrong.

    Parameters
    ----------
    found, truth : sequences, one element per picture
    classes : int
    min_overlap : float
    """
    if len(found) != len(truth):
        raise ValueError(f"{len(found)} answers for {len(truth)} pictures")
    objects = np.zeros((len(truth), classes), dtype=np.int64)
    right = []
    for number, (boxes, there) in enumerate(zip(found, truth, strict=True)):
        np.add.at(objects[number], there.labels, 1)
        right.append(_right(boxes, there, min_overlap))
    return Matches(
        np.repeat(np.arange(len(found)), [len(boxes) for boxes in found]),
        np.concatenate([np.empty(0, np.int64), *(boxes.labels for boxes in found)]),
        np.concatenate([np.empty(0), *(boxes.scores for boxes in found)]).astype(np.float64),
        np.concatenate([np.empty(0, bool), *right]),
        objects,
    )


def average_precision(right: NDArray[np.bool_], scores: NDArray[np.floating], count: int) -> float:
    """Return the area under one class's precision-recall curve.

    Parameters
    ----------
    right : ndarray of bool, shape (n,)
    scores : ndarray of float, shape (n,)
    count : int
        Objects that there were to be found, at least 1.

    Examples
    --------
    Two objects; found: one, then something that is none, then the other. Precision is 1 up to a
    recall of 1/2, and 2/3 beyond.

    >>> round(average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]), 2), 4)
    0.8333
    """
    order = np.argsort(-scores, kind="stable")
    weights = np.ones(len(right))
    return _area(right[order].astype(np.float64), weights, float(count))


def mean_average_precision(matches: Matches) -> DetectionScore:
    """Return mAP over the classes that occur, with its interval.

    Examples
    --------
    >>> box = np.array([[0, 0, 4, 4]], np.float32)
    >>> found = Detections(box, np.array([0.9], np.float32), np.array([0]))
    >>> mean_average_precision(match([found], [Objects(box, np.array([0]))], 2)).per_class
    (1.0, None)
    """
    values = _resampled(matches)
    means = _means(values)
    low, high = np.percentile(means[1:], [2.5, 97.5])
    return DetectionScore(
        float(means[0]),
        (float(min(low, means[0])), float(max(high, means[0]))),
        tuple(None if np.isnan(value) else float(value) for value in values[0]),
    )


def map_difference(first: Matches, second: Matches) -> tuple[float, tuple[float, float]]:
    """Return by how much the second mAP exceeds the first, with its 95 % interval.

    Both are of the same pictures, and measured on the same drawn ones each time.

    Examples
    --------
    >>> box = np.array([[0, 0, 4, 4]], np.float32)
    >>> truth = [Objects(box, np.array([0]))]
    >>> found = Detections(box, np.array([0.9], np.float32), np.array([0]))
    >>> wrong = Detections(box + 4, np.array([0.9], np.float32), np.array([0]))
    >>> map_difference(match([wrong], truth, 1), match([found], truth, 1))
    (1.0, (1.0, 1.0))
    """
    differences = _means(_resampled(second)) - _means(_resampled(first))
    low, high = np.percentile(differences[1:], [2.5, 97.5])
    return float(differences[0]), (float(low), float(high))


def _resampled(matches: Matches) -> NDArray[np.float64]:
    """Return average precision by class (columns), first as it is, then of pictures drawn anew.

    The draws are the same for the same number of pictures. NaN where there are no objects.
    """
    random = np.random.default_rng(0)
    pictures, classes = matches.objects.shape
    once = np.ones((1, pictures))
    drawn = random.multinomial(pictures, np.full(pictures, 1 / max(1, pictures)), size=_RESAMPLES)
    order = np.argsort(-matches.scores, kind="stable")
    values = np.full((1 + _RESAMPLES, classes), np.nan)
    for label in range(classes):
        rank = order[matches.labels[order] == label]
        right = matches.right[rank].astype(np.float64)
        for row, times in enumerate(np.concatenate([once, drawn])):
            count = float(times @ matches.objects[:, label])
            if count > 0:
                values[row, label] = _area(right, times[matches.picture[rank]], count)
    return values


def _means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the classes that occur."""
    occur = ~np.isnan(values)
    sums = np.where(occur, values, 0).sum(axis=1)
    means: NDArray[np.float64] = sums / np.maximum(1, occur.sum(axis=1))
    return means


def score_detections(
    found: Sequence[Detections], truth: Sequence[Objects], classes: int
) -> DetectionScore:
    """Return mAP@0.5 of answers: :func:`match`, then :func:`mean_average_precision`."""
    return mean_average_precision(match(found, truth, classes))


def _right(found: Detections, truth: Objects, min_overlap: float) -> NDArray[np.bool_]:
    right = np.zeros(len(found), dtype=bool)
    taken = np.zeros(len(truth), dtype=bool)
    if not len(found) or not len(truth):
        return right
    table = overlaps(found.boxes, truth.boxes)
    table[found.labels[:, None] != truth.labels[None]] = -1.0
    for box in np.argsort(-found.scores, kind="stable"):
        there = int(table[box].argmax())
        if table[box, there] >= min_overlap and not taken[there]:
            right[box] = taken[there] = True
    return right


def _area(right: NDArray[np.float64], weights: NDArray[np.floating], count: float) -> float:
    """Return the area for boxes in falling order of score, each counted ``weights`` times."""
    hits = np.cumsum(right * weights)
    if not len(hits):
        return 0.0
    answered = np.cumsum(weights)
    precision = np.divide(hits, answered, out=np.zeros_like(hits), where=answered > 0)
    reached = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(hits, prepend=0.0) * reached) / count)
