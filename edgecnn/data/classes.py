"""Labels of one's own data, as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DatasetError

__all__ = ["numbered_labels"]


def numbered_labels(
    found: Sequence[str], labels: tuple[str, ...] | None, *, source: str
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Match labels as they are written to a model's.

    Parameters
    ----------
    found : sequence of str
        One for each example: names, or the numbers of classes from 0 on.
    labels : tuple of str, optional
        The model's; without, the names that occur are the labels, sorted.
    source : str
        For the error's text.

    Returns
    -------
    labels : tuple of str
    targets : ndarray of int64, shape (N,)

    Raises
    ------
    DatasetError
        A label that the model does not have.

    Examples
    --------
    >>> numbered_labels(["cat", "dog", "cat"], ("dog", "cat"), source="list.csv")[1].tolist()
    [1, 0, 1]
    >>> numbered_labels(["1", "0"], ("dog", "cat"), source="list.csv")[1].tolist()
    [1, 0]
    """
    present = sorted(set(found), key=lambda name: (not name.isdigit(), _number(name), name))
    names = labels or tuple(present)
    order = {name: number for number, name in enumerate(names)}
    strays = [name for name in present if name not in order]
    if strays and all(name.isdigit() and int(name) < len(names) for name in present):
        order, strays = {name: int(name) for name in present}, []
    if strays:
        shown = ", ".join(names[:8]) + (f", ... ({len(names)} in all)" if len(names) > 8 else "")
        raise DatasetError(
            f"{source}: {strays[0]!r} is no class of this model", hint=f"its classes are: {shown}"
        )
    return names, np.array([order[name] for name in found], dtype=np.int64)


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0
