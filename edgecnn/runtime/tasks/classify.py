"""Classification: logits to labels and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import ModelMetadata, Output

__all__ = ["UNKNOWN", "Classification", "decode", "scores"]

#: Said instead of a label when no label reaches the contract's ``min_score``.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Classification:
    """One answer.

    Attributes
    ----------
    label : str
        The winning label, or ``"unknown"`` below the contract's ``min_score``.
    score : float
        Its score, 0..1.
    top : tuple of (label, score)
        The best labels, best first.
    above : tuple of (label, score), optional
        Of a contract with thresholds: all labels that reach theirs, best first. The winning label
        is the first of them. None where an example has one label.
    """

    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    above: tuple[tuple[str, float], ...] | None = None


def scores(logits: NDArray[np.float32], output: Output) -> NDArray[np.float32]:
    """Turn logits into scores of 0..1 by the contract's activation.

    Parameters
    ----------
    logits : ndarray of float32, shape (N, classes)

    Examples
    --------
    >>> scores(np.zeros((1, 4), np.float32), Output()).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    if output.activation == "none":
        return logits
    if output.activation == "sigmoid":
        # By way of tanh, which does not overflow.
        sigmoid: NDArray[np.float32] = (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
        return sigmoid
    # The ufuncs' own reductions: called between two runs, the methods around them cost as much.
    best: NDArray[np.float32] = np.maximum.reduce(logits, axis=1, keepdims=True)
    softmax: NDArray[np.float32] = np.exp(logits - best)
    softmax /= np.add.reduce(softmax, axis=1, keepdims=True)
    return softmax


def decode(
    logits: NDArray[np.float32], metadata: ModelMetadata, *, top: int = 5
) -> list[Classification]:
    """Turn a batch of logits into answers, best labels first.

    Parameters
    ----------
    logits : ndarray of float32, shape (N, classes)
    top : int
        How many labels each answer lists.
    """
    answers = []
    for row in scores(logits, metadata.output):
        order = (-row).argsort(kind="stable")
        above = None
        if metadata.output.thresholds:
            reached = row >= np.array(metadata.output.thresholds, dtype=row.dtype)
            above = _named(order[reached[order]], row, metadata)
        # Of a thousand labels only those that are asked for get a name.
        ranked = _named(order[: max(1, top)], row, metadata)
        label, score = (above or ranked)[0]
        if score < metadata.output.min_score or above == ():
            label = UNKNOWN
        answers.append(Classification(label, score, ranked[:top], above))
    return answers


def _named(
    order: NDArray[np.intp], row: NDArray[np.float32], metadata: ModelMetadata
) -> tuple[tuple[str, float], ...]:
    pairs = zip(order.tolist(), row[order].tolist(), strict=True)
    return tuple((metadata.labels[index], score) for index, score in pairs)
