"""Confusion matrices, what is read off them, and how sure one can be of it.

Sensitivity (Se, recall) and positive predictivity (+P, precision) are the terms of
ANSI/AAMI EC57:2012, in which ECG beat classifiers are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import ClassScore

__all__ = [
    "accuracy",
    "bootstrap_interval",
    "class_scores",
    "confusion_by_group",
    "confusion_matrix",
    "macro_f1",
    "wilson_interval",
]

#: 97.5th percentile of the normal distribution: two-sided 95 %.
_Z_95 = 1.959963984540054


def confusion_matrix(
    targets: NDArray[np.integer], predictions: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Count how often each class was taken for each.

    Parameters
    ----------
    targets, predictions : ndarray of int, shape (N,)
        Class indices, ``0 <= index < classes``.
    classes : int

    Returns
    -------
    ndarray of int64, shape (classes, classes)
        A row per true class, a column per predicted one.

    Raises
    ------
    ValueError
        Unequal lengths, or an index outside ``0..classes - 1``.

    Examples
    --------
    >>> confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    if targets.shape != predictions.shape:
        raise ValueError(f"{targets.shape} targets for {predictions.shape} predictions")
    for indices in (targets, predictions):
        if indices.size and (indices.min() < 0 or indices.max() >= classes):
            raise ValueError(f"a class index is not in 0..{classes - 1}")
    cell = targets.astype(np.int64) * classes + predictions
    return np.bincount(cell, minlength=classes * classes).reshape(classes, classes)


def confusion_by_group(
    targets: NDArray[np.integer],
    predictions: NDArray[np.integer],
    groups: NDArray[np.str_],
    classes: int,
) -> NDArray[np.int64]:
    """Count one confusion matrix per group, in the order of the groups' names.

    Returns
    -------
    ndarray of int64, shape (groups, classes, classes)
    """
    return np.stack(
        [
            confusion_matrix(targets[groups == name], predictions[groups == name], classes)
            for name in np.unique(groups)
        ]
    )


def class_scores(confusion: NDArray[np.int64], labels: Sequence[str]) -> dict[str, ClassScore]:
    """Read sensitivity, positive predictivity and F1 of each class off a confusion matrix.

    A score is None where nothing defines it: sensitivity of a class without examples, positive
    predictivity of one that was never answered, F1 of one that is neither.

    Examples
    --------
    >>> class_scores(np.array([[6, 4], [0, 10]]), ("a", "b"))["a"]
    ClassScore(sensitivity=0.6, positive_predictivity=1.0, f1=0.75, n=10)
    """
    hits, true, answered = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        label: ClassScore(
            sensitivity=_ratio(hits[i], true[i]),
            positive_predictivity=_ratio(hits[i], answered[i]),
            f1=_ratio(2 * hits[i], true[i] + answered[i]),
            n=int(true[i]),
        )
        for i, label in enumerate(labels)
    }


def macro_f1(confusion: NDArray[np.int64], classes: Sequence[int] | None = None) -> float:
    """Average F1 over classes, each counting the same.

    Parameters
    ----------
    confusion : ndarray of int64, shape (classes, classes)
        The whole matrix: a beat that was answered with a class outside ``classes`` still counts as
        missed.
    classes : sequence of int, optional
        Rows to average over; the default is all. Those without examples and answers are left out.

    Examples
    --------
    >>> round(macro_f1(np.array([[8, 2], [0, 10]])), 3)
    0.899
    """
    chosen = np.arange(len(confusion)) if classes is None else np.asarray(classes)
    total = (confusion.sum(axis=0) + confusion.sum(axis=1))[chosen]
    hits = 2 * confusion.diagonal()[chosen]
    defined = total > 0
    return float(np.mean(hits[defined] / total[defined])) if defined.any() else 0.0


def accuracy(confusion: NDArray[np.int64]) -> float:
    """Return the share of examples on the diagonal; 0 for an empty matrix."""
    return _ratio(np.trace(confusion), confusion.sum()) or 0.0


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson 1927, doi:10.2307/2276774).

    Unlike the textbook interval it stays inside 0..1 and has a width at 0 % and at 100 %.

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson_interval(9920, 10000)]
    [0.9901, 0.9936]
    """
    if n <= 0:
        return (0.0, 1.0)
    share, z2 = hits / n, _Z_95 * _Z_95
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low = 0.0 if hits == 0 else float(max(0.0, centre - half))
    high = 1.0 if hits == n else float(min(1.0, centre + half))
    return (low, high)


def bootstrap_interval(
    confusions: NDArray[np.int64],
    statistic: Callable[[NDArray[np.int64]], float],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic by resampling whole groups.

    Beats of one person resemble each other, so it is the records that are drawn anew, not the
    beats (cluster bootstrap; Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x). With a
    single group there are no others to draw: its examples are resampled one by one.

    Parameters
    ----------
    confusions : ndarray of int64, shape (groups, classes, classes)
    statistic : callable
        Maps one summed confusion matrix to a number, for example :func:`macro_f1`.
    resamples : int
    seed : int
        The interval is the same for the same seed.

    Examples
    --------
    >>> records = np.array([[[90, 10], [5, 95]], [[60, 40], [30, 70]]])
    >>> low, high = bootstrap_interval(records, macro_f1)
    >>> low < macro_f1(records.sum(axis=0)) < high
    True
    """
    rng = np.random.default_rng(seed)
    groups = len(confusions)
    if groups > 1:
        # How often each record was drawn says as much as the draws themselves.
        draws = rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples)
        resampled = np.einsum("rg,gij->rij", draws, confusions)
    else:
        total = confusions.sum(axis=0)
        n = int(total.sum())
        if n == 0:
            return (0.0, 1.0)
        draws = rng.multinomial(n, (total / n).ravel(), size=resamples)
        resampled = draws.reshape(resamples, *total.shape)
    values = np.array([statistic(matrix) for matrix in resampled])
    low, high = np.percentile(values, [2.5, 97.5])
    return (float(low), float(high))


def _ratio(part: np.integer, whole: np.integer) -> float | None:
    return float(part / whole) if whole else None
