from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.evaluation.metrics import (
    accuracy,
    bootstrap_interval,
    class_scores,
    confusion_by_group,
    confusion_matrix,
    macro_f1,
    wilson_interval,
)

# Rows: true N, S, V; columns: answered N, S, V. Worked out by hand below.
HAND = np.array([[90, 6, 4], [5, 10, 5], [2, 0, 18]])


def test_confusion_matrix_counts_rows_of_truth():
    targets, answers = np.array([0, 0, 0, 2, 2]), np.array([0, 1, 0, 2, 0])
    assert confusion_matrix(targets, answers, 3).tolist() == [[2, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert confusion_matrix(np.array([], int), np.array([], int), 2).tolist() == [[0, 0], [0, 0]]


def test_confusion_matrix_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="targets for"):
        confusion_matrix(np.array([0]), np.array([0, 1]), 2)
    for wrong in (-1, 2):
        with pytest.raises(ValueError, match=r"not in 0\.\.1"):
            confusion_matrix(np.array([wrong]), np.array([0]), 2)


def test_sensitivity_predictivity_f1_by_hand():
    scores = class_scores(HAND, ("N", "S", "V"))
    assert scores["S"].sensitivity == pytest.approx(10 / 20)
    assert scores["S"].positive_predictivity == pytest.approx(10 / 16)
    assert scores["S"].f1 == pytest.approx(2 * 0.5 * 0.625 / (0.5 + 0.625))
    assert scores["V"].n == 20


def test_scores_that_nothing_defines_are_none():
    scores = class_scores(np.array([[5, 0, 0], [3, 0, 0], [0, 0, 0]]), ("a", "b", "c"))
    assert (scores["b"].sensitivity, scores["b"].positive_predictivity, scores["b"].f1) == (
        0.0,
        None,
        0.0,
    )
    assert (scores["c"].sensitivity, scores["c"].f1, scores["c"].n) == (None, None, 0)


def test_macro_f1_averages_chosen_classes():
    f1 = [2 * 90 / (100 + 97), 2 * 10 / (20 + 16), 2 * 18 / (20 + 27)]
    assert macro_f1(HAND) == pytest.approx(np.mean(f1))
    assert macro_f1(HAND, [0, 2]) == pytest.approx((f1[0] + f1[2]) / 2)


def test_macro_f1_counts_answers_outside_the_chosen_as_missed():
    assert macro_f1(np.array([[1, 0, 9], [0, 10, 0], [0, 0, 0]]), [0, 1]) < 0.6


def test_macro_f1_of_nothing():
    assert macro_f1(np.zeros((2, 2), int)) == 0.0
    assert macro_f1(np.array([[4, 0], [0, 0]])) == 1.0


def test_accuracy():
    assert accuracy(HAND) == pytest.approx(118 / 140)
    assert accuracy(np.zeros((2, 2), int)) == 0.0


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe 1998 (Statistics in Medicine 17:857-872), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_of_the_literature(hits, n, low, high):
    assert wilson_interval(hits, n) == pytest.approx((low, high), abs=6e-5)


def test_wilson_interval_at_the_ends():
    assert wilson_interval(10, 10)[1] == 1.0
    assert wilson_interval(10, 10)[0] < 0.75
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_interval_holds_the_share(case):
    hits, n = case
    low, high = wilson_interval(hits, n)
    assert 0 <= low <= hits / n <= high <= 1


def test_groups_are_counted_apart():
    groups = np.array(["b", "a", "b"])
    apart = confusion_by_group(np.array([0, 1, 1]), np.array([0, 0, 1]), groups, 2)
    assert apart.tolist() == [[[0, 0], [1, 0]], [[1, 0], [0, 1]]]


def test_bootstrap_over_groups_is_wider_than_over_examples():
    """Twenty records, half of them perfect and half of them hopeless: n is 20, not 20,000."""
    good, bad = np.array([[500, 0], [0, 500]]), np.array([[250, 250], [250, 250]])
    records = np.stack([good, bad] * 10)
    low, high = bootstrap_interval(records, accuracy)
    assert high - low > 0.15
    pooled = bootstrap_interval(records.sum(axis=0, keepdims=True), accuracy)
    assert pooled[1] - pooled[0] < 0.02
    assert pooled == pytest.approx(wilson_interval(15000, 20000), abs=1e-3)


def test_bootstrap_is_the_same_for_the_same_seed():
    records = np.random.default_rng(0).integers(0, 50, (8, 3, 3))
    assert bootstrap_interval(records, macro_f1) == bootstrap_interval(records, macro_f1)
    assert bootstrap_interval(records, macro_f1) != bootstrap_interval(records, macro_f1, seed=1)


def test_bootstrap_of_nothing():
    assert bootstrap_interval(np.zeros((1, 2, 2), int), accuracy) == (0.0, 1.0)
