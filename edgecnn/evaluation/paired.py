"""Two models on the same examples: whether one is really better, and by how much.

Two models mostly agree, so the few examples that only one of them gets right tell far more than
two accuracies, each with an interval of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.evaluation.metrics import wilson_interval

__all__ = [
    "PairedTest",
    "mcnemar",
    "paired_accuracy_interval",
    "paired_bootstrap_interval",
    "sign_flip_by_group",
]

#: Discordant examples from which the chi-squared approximation is as good as the exact test.
_FEW_DISCORDANT = 26

#: Groups of which every combination of signs is tried; of more, so many are drawn.
_FEW_GROUPS = 12
_FLIPS = 9999

#: Values drawn at a time.
_CHUNK = 200


@dataclass(frozen=True)
class PairedTest:
    """How surely two models differ.

    Attributes
    ----------
    only_first, only_second : int
        Examples that only this one answers rightly.
    p_value : float
        How often so large a difference, or a larger one, comes about where there is none.
    method : str
    """

    only_first: int
    only_second: int
    p_value: float
    method: str


def mcnemar(only_first: int, only_second: int) -> PairedTest:
    """Test whether two models are right equally often (McNemar 1947, doi:10.1007/BF02295996).

    Examples that both get right, or neither, say nothing about it. With up to 25 others the test
    is the exact binomial one, two-sided; with more, chi-squared of one degree of freedom, without
    a correction for continuity (Fagerland et al. 2013, doi:10.1186/1471-2288-13-91).

    Parameters
    ----------
    only_first, only_second : int
        Examples that only this model answers rightly.

    Examples
    --------
    Eight coins, of which at most one falls otherwise than the rest: 18 of 256.

    >>> mcnemar(1, 7).p_value
    0.0703125
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"counts of {only_first} and {only_second} examples")
    n, fewer = only_first + only_second, min(only_first, only_second)
    if n < _FEW_DISCORDANT:
        tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
        return PairedTest(only_first, only_second, min(1.0, 2 * tail), "McNemar, exact")
    z = abs(only_second - only_first) / math.sqrt(n)
    return PairedTest(only_first, only_second, math.erfc(z / math.sqrt(2)), "McNemar, chi-squared")


def sign_flip_by_group(
    first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], groups: NDArray[np.str_]
) -> PairedTest:
    """Test the same where examples come in groups that resemble each other, as beats of a person.

    If neither model is better, each record's balance might as well have come out the other way
    round: p is the share of such worlds whose sum is as far from zero. All of them are tried with
    up to 12 records whose balance is not zero; otherwise 9,999 are drawn, always the same.
    (Permutation by whole clusters; for examples that are groups of their own it is McNemar's exact
    test.)

    Parameters
    ----------
    first_right, second_right : ndarray of bool, shape (N,)
    groups : ndarray of str, shape (N,)

    Examples
    --------
    One record that differs, by however many beats, proves nothing.

    >>> wrong, right = np.zeros(9, bool), np.ones(9, bool)
    >>> sign_flip_by_group(wrong, right, np.full(9, "100")).p_value
    1.0
    """
    gain = second_right.astype(np.int64) - first_right.astype(np.int64)
    _, owner = np.unique(groups, return_inverse=True)
    balance = np.bincount(owner, weights=gain)
    balance = balance[balance != 0]
    count = len(balance)
    if count <= _FEW_GROUPS:
        bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
        sums = np.abs((2 * bits - 1) @ balance)
        p_value = float(np.mean(sums >= abs(balance.sum())))
    else:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(_FLIPS, count))
        sums = np.abs(signs @ balance)
        p_value = float((1 + np.sum(sums >= abs(balance.sum()))) / (1 + _FLIPS))
    return PairedTest(
        int(np.sum(gain < 0)), int(np.sum(gain > 0)), p_value, "signs flipped by record"
    )


def paired_accuracy_interval(
    both: int, only_first: int, only_second: int, neither: int
) -> tuple[float, float]:
    """Return the 95 % interval of the second model's accuracy minus the first's.

    Wilson's intervals of both, squared and added with their correlation (Newcombe 1998, method 10,
    doi:10.1002/(SICI)1097-0258(19981130)17:22<2635::AID-SIM954>3.0.CO;2-C). It has a width even
    where both answer alike.

    Parameters
    ----------
    both, only_first, only_second, neither : int
        Examples that are answered rightly by these.

    Examples
    --------
    >>> [round(bound, 4) for bound in paired_accuracy_interval(20, 2, 12, 16)]
    [0.0562, 0.3292]
    """
    n = both + only_first + only_second + neither
    if n <= 0:
        return (-1.0, 1.0)
    first, second = both + only_first, both + only_second
    p, q = first / n, second / n
    (p_low, p_high), (q_low, q_high) = wilson_interval(first, n), wilson_interval(second, n)
    margins = first * (n - first) * second * (n - second)
    product = both * neither - only_first * only_second
    # Newcombe's correction for continuity, which only ever weakens a positive correlation.
    corrected = max(product - n / 2, 0.0) if product > 0 else product
    phi = corrected / math.sqrt(margins) if margins else 0.0

    def together(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))

    difference = q - p
    return (
        max(-1.0, difference - together(q - q_low, p_high - p)),
        min(1.0, difference + together(q_high - q, p - p_low)),
    )


def paired_bootstrap_interval(
    targets: NDArray[np.integer],
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    groups: NDArray[np.str_],
    *,
    classes: int,
    statistic: Callable[[NDArray[np.int64]], float],
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % percentile interval of how much a statistic differs between two models.

    Both models are measured on the same drawn examples each time. As in
    :func:`edgecnn.evaluation.metrics.bootstrap_interval`, whole groups (records) are drawn anew;
    with a single one, its examples.

    Parameters
    ----------
    targets, first, second : ndarray of int, shape (N,)
        Class of each example, and each model's answer.
    groups : ndarray of str, shape (N,)
    classes : int
    statistic : callable
        Maps a confusion matrix to a number, for example
        :func:`edgecnn.evaluation.metrics.macro_f1`.
    resamples : int
    seed : int

    Returns
    -------
    tuple of float
        Of the second model's value minus the first's.
    """
    if not len(targets):
        return (-1.0, 1.0)
    cell = (targets.astype(np.int64) * classes + first) * classes + second
    names, owner = np.unique(groups, return_inverse=True)
    used, place = np.unique(cell, return_inverse=True)
    counts = np.bincount(owner * len(used) + place, minlength=len(names) * len(used))
    tables = counts.reshape(len(names), len(used))
    random = np.random.default_rng(seed)
    values = []
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        if len(names) > 1:
            drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size)
            drawn = drawn @ tables
        else:
            drawn = random.multinomial(len(targets), tables[0] / len(targets), size=size)
        for times in drawn:
            before, after = (
                _confusion(used // classes**2, answer, times, classes)
                for answer in (used // classes % classes, used % classes)
            )
            values.append(statistic(after) - statistic(before))
    low, high = np.percentile(values, [2.5, 97.5])
    return (float(low), float(high))


def _confusion(
    targets: NDArray[np.int64], answers: NDArray[np.int64], times: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    matrix = np.bincount(targets * classes + answers, weights=times, minlength=classes * classes)
    return matrix.astype(np.int64).reshape(classes, classes)
