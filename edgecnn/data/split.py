"""Setting examples aside for validation: seeded, by class, and never splitting a patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import DataError

__all__ = ["group_folds", "hold_out", "stratified_folds"]


def hold_out(
    targets: NDArray[np.int64],
    fraction: float,
    seed: int,
    *,
    groups: NDArray[np.str_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split examples into those to train on and those to validate on.

    Parameters
    ----------
    targets : ndarray of int64, shape (N,)
    fraction : float
        About how much to set aside, 0..0.5; 0 sets nothing aside.
    seed : int
    groups : ndarray of str, shape (N,), optional
        Whole groups (records, patients) are set aside, so that no heart is on both sides.

    Returns
    -------
    training, validation : ndarray of int64
        Rising indices.

    Examples
    --------
    >>> training, validation = hold_out(np.arange(100) % 10, 0.2, seed=0)
    >>> len(training), len(validation)
    (80, 20)
    """
    everything = np.arange(len(targets))
    if fraction <= 0:
        return everything, everything[:0]
    if groups is not None:
        # One fold of 1 / fraction, so that the rare classes are on both sides where possible.
        held = group_folds(targets, groups, max(2, round(1 / fraction)), seed) == 0
    else:
        held = np.zeros(len(targets), dtype=bool)
        generator = np.random.default_rng(seed)
        for label in np.unique(targets):
            members = generator.permutation(np.flatnonzero(targets == label))
            held[members[: round(fraction * len(members))]] = True
    return everything[~held], everything[held]


def stratified_folds(targets: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Deal examples into folds of equal class shares; returns each example's fold."""
    generator = np.random.default_rng(seed)
    folds = np.empty(len(targets), dtype=np.int64)
    for label in np.unique(targets):
        members = generator.permutation(np.flatnonzero(targets == label))
        folds[members] = np.arange(len(members)) % count
    return folds


def group_folds(
    targets: NDArray[np.int64], groups: NDArray[np.str_], count: int, seed: int
) -> NDArray[np.int64]:
    """Deal whole groups into folds whose class shares are as equal as the groups allow.

    Greedy: the group whose classes are distributed most unequally goes first, each to the fold
    where the spread of class shares over the folds stays smallest.

    Returns
    -------
    ndarray of int64, shape (N,)
        Each example's fold, ``0..count - 1``.

    Raises
    ------
    DataError
        Fewer groups than folds.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) < count:
        raise DataError(
            f"{len(names)} records cannot be dealt into {count} folds",
            hint="take fewer folds or a larger validation share",
        )
    classes = int(targets.max()) + 1
    table = np.zeros((len(names), classes))
    np.add.at(table, (group_of, targets), 1)
    # Shares, so that a class of 400 beats weighs as much as one of 46,000.
    shares = table / np.maximum(table.sum(axis=0), 1)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = shuffled[np.argsort(-shares[shuffled].max(axis=1), kind="stable")]
    filled = np.zeros((count, classes))
    sizes = np.zeros(count, dtype=np.int64)
    fold_of = np.empty(len(names), dtype=np.int64)
    for rank, group in enumerate(order):
        left = len(order) - rank
        empty = np.flatnonzero(sizes == 0)
        # No fold may stay empty.
        allowed = empty if left <= len(empty) else np.arange(count)
        spread = []
        for fold in allowed:
            trial = filled.copy()
            trial[fold] += shares[group]
            spread.append(trial.std(axis=0).sum())
        # Of equally good folds the smallest.
        best = int(allowed[np.lexsort((sizes[allowed], spread))[0]])
        filled[best] += shares[group]
        sizes[best] += 1
        fold_of[group] = best
    result: NDArray[np.int64] = fold_of[group_of]
    return result
