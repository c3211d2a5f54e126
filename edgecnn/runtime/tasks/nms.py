"""Non-maximum suppression: of boxes that lie on each other, the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["overlaps", "suppress"]


def overlaps(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the intersection over union of each box with each.

    Parameters
    ----------
    first, second : ndarray of float, shapes (A, 4) and (B, 4)
        ``x0, y0, x1, y1``. A box without area overlaps nothing.

    Returns
    -------
    ndarray of float64, shape (A, B)

    Examples
    --------
    >>> overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    a = np.asarray(first, np.float64)[:, None]
    b = np.asarray(second, np.float64)[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(x[..., 2:] - x[..., :2], 0, None).prod(axis=-1) for x in (a, b)]
    union = areas[0] + areas[1] - shared
    table: NDArray[np.float64] = np.zeros_like(shared)
    np.divide(shared, union, out=table, where=union > 0)
    return table


def suppress(
    boxes: NDArray[np.floating],
    scores: NDArray[np.floating],
    labels: NDArray[np.integer],
    max_overlap: float,
    *,
    limit: int | None = None,
) -> NDArray[np.int64]:
    """Keep the best box of every pile, class by class.

    Greedy: the best box stays, those of its class that overlap it by more than ``max_overlap`` go,
    and so on. Boxes of different classes never suppress each other. Equal scores: the first stays.

    Parameters
    ----------
    boxes : ndarray of float, shape (n, 4)
        ``x0, y0, x1, y1``.
    scores : ndarray of float, shape (n,)
    labels : ndarray of int, shape (n,)
    max_overlap : float
        Intersection over union, 0..1.
    limit : int, optional
        Most boxes to keep, over all classes.

    Returns
    -------
    ndarray of int64
        Which boxes stay, best first.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10]])
    >>> suppress(boxes, np.array([0.9, 0.8, 0.7]), np.array([0, 0, 1]), 0.5).tolist()
    [0, 2]
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    boxes, labels = np.asarray(boxes)[order], np.asarray(labels)[order]
    alive = np.ones(len(order), dtype=bool)
    kept: list[int] = []
    for rank in range(len(order)):
        if not alive[rank]:
            continue
        kept.append(rank)
        if limit is not None and len(kept) == limit:
            break
        rivals = rank + 1 + np.flatnonzero(alive[rank + 1 :] & (labels[rank + 1 :] == labels[rank]))
        if rivals.size:
            alive[rivals[overlaps(boxes[rank : rank + 1], boxes[rivals])[0] > max_overlap]] = False
    return order[np.array(kept, dtype=np.int64)]
