from __future__ import annotations

import math

import numpy as np
import pytest

from edgecnn.evaluation.metrics import accuracy, bootstrap_interval, confusion_by_group, macro_f1
from edgecnn.evaluation.paired import (
    mcnemar,
    paired_accuracy_interval,
    paired_bootstrap_interval,
    sign_flip_by_group,
)


def test_exact_test_by_hand():
    """Airway hyper-responsiveness before and after (Bentur et al. 2009; Fagerland et al. 2013)."""
    test = mcnemar(1, 7)
    assert test.p_value == 2 * (1 + 8) / 2**8
    assert test.method == "McNemar, exact"
    assert mcnemar(7, 1).p_value == test.p_value
    assert (test.only_first, test.only_second) == (1, 7)


def test_published_chi_squared():
    """Approval of the prime minister (Agresti, Categorical Data Analysis): z² = 17.36."""
    test = mcnemar(150, 86)
    assert test.method == "McNemar, chi-squared"
    z = (150 - 86) / math.sqrt(150 + 86)
    assert z * z == pytest.approx(17.36, abs=0.005)
    assert test.p_value == pytest.approx(3.1e-5, rel=0.01)


def test_no_difference_is_no_proof():
    assert mcnemar(0, 0).p_value == 1
    assert mcnemar(5, 5).p_value == 1
    assert mcnemar(100, 100).p_value == 1


def test_method_changes_where_both_give_about_the_same():
    exact, approximate = mcnemar(7, 18), mcnemar(7, 19)
    assert exact.method != approximate.method
    assert exact.p_value == pytest.approx(0.043, abs=0.001)
    assert approximate.p_value == pytest.approx(0.0186, abs=0.001)
    assert mcnemar(13, 13).p_value == 1


def test_counts_must_be_counts():
    with pytest.raises(ValueError, match="-1"):
        mcnemar(-1, 3)


@pytest.mark.parametrize(
    ("table", "interval"),
    [
        # Newcombe 1998, table of examples: there first minus second.
        ((20, 2, 12, 16), (0.0562, 0.3292)),
        # Fagerland, Lydersen, Laake 2014 (doi:10.1002/sim.6148): before minus after.
        ((1, 7, 1, 12), (-0.507, -0.026)),
        ((7, 2, 25, 68), (0.133, 0.318)),
    ],
)
def test_published_intervals(table, interval):
    assert paired_accuracy_interval(*table) == pytest.approx(interval, abs=6e-4)


def test_interval_turns_round_with_the_models():
    low, high = paired_accuracy_interval(20, 2, 12, 16)
    assert paired_accuracy_interval(20, 12, 2, 16) == pytest.approx((-high, -low))


def test_interval_has_a_width_where_all_is_right():
    low, high = paired_accuracy_interval(100, 0, 0, 0)
    assert -0.06 < low < 0 < high < 0.06
    assert paired_accuracy_interval(0, 0, 0, 0) == (-1, 1)


def test_pairing_narrows_the_interval():
    """Two models that agree on nearly all are compared more finely than by two accuracies."""
    low, high = paired_accuracy_interval(900, 5, 9, 86)
    alone_low, alone_high = paired_accuracy_interval(819, 86, 90, 5)
    assert high - low < 0.4 * (alone_high - alone_low)


def test_interval_covers_the_truth():
    """Drawn 400 times from a known table, 95 % intervals hold the true difference."""
    random = np.random.default_rng(1)
    shares = (0.85, 0.02, 0.05, 0.08)
    hits = 0
    for table in random.multinomial(300, shares, size=400):
        low, high = paired_accuracy_interval(*(int(count) for count in table))
        hits += low <= 0.03 <= high
    assert 0.92 <= hits / 400 <= 0.99


def test_signs_of_single_examples_are_mcnemars_exact_test():
    first = np.array([True] * 2 + [False] * 9 + [True] * 20)
    second = np.array([False] * 2 + [True] * 9 + [True] * 20)
    alone = np.arange(31).astype(str)
    assert sign_flip_by_group(first, second, alone).p_value == pytest.approx(mcnemar(2, 9).p_value)


def test_signs_by_record_by_hand():
    """Balances of +3, +2, -1 sum to 4: of 8 ways to sign them, 4 reach 4 (3+2±1, and mirrored)."""
    right, wrong = [True], [False]
    first = np.array(wrong * 3 + wrong * 2 + right * 1 + right * 4)
    second = np.array(right * 3 + right * 2 + wrong * 1 + right * 4)
    groups = np.array(["a"] * 3 + ["b"] * 2 + ["c"] * 1 + ["d"] * 4)
    test = sign_flip_by_group(first, second, groups)
    assert test.p_value == 4 / 8
    assert (test.only_first, test.only_second) == (1, 5)


def test_many_records_are_drawn_and_repeatable():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(30).astype(str), 50)
    first, better = random.random(1500) < 0.8, random.random(1500) < 0.9
    test = sign_flip_by_group(first, better, groups)
    assert test == sign_flip_by_group(first, better, groups)
    assert test.p_value < 0.001
    same = random.random(1500) < 0.8
    assert sign_flip_by_group(first, same, groups).p_value > 0.05


def test_a_record_that_carries_all_the_gain_proves_less_than_its_beats():
    """900 beats of one person are no 900 witnesses."""
    groups = np.array(["a"] * 900 + [name for name in "bcdefg" for _ in range(10)])
    first = np.zeros(960, bool)
    second = np.arange(960) < 900
    assert mcnemar(0, 900).p_value < 1e-100
    assert sign_flip_by_group(first, second, groups).p_value == 1


def records(count: int = 12, n: int = 80):
    random = np.random.default_rng(3)
    groups = np.repeat(np.arange(count).astype(str), n)
    targets = random.integers(0, 3, count * n)
    wrong = random.random(len(targets)) < np.repeat(random.uniform(0, 0.5, count), n)
    first = np.where(wrong, (targets + 1) % 3, targets)
    second = np.where(random.random(len(targets)) < 0.01, (first + 1) % 3, first)
    return targets, first, second, groups


def test_bootstrap_is_paired():
    targets, first, second, groups = records()
    low, high = paired_bootstrap_interval(
        targets, first, second, groups, classes=3, statistic=macro_f1
    )
    alone = bootstrap_interval(confusion_by_group(targets, first, groups, 3), macro_f1)
    assert low <= 0 <= high or high < 0
    assert high - low < 0.2 * (alone[1] - alone[0])
    assert paired_bootstrap_interval(
        targets, first, first, groups, classes=3, statistic=macro_f1
    ) == (0, 0)


def test_bootstrap_of_one_record_resamples_its_examples():
    targets, first, second, groups = records(1, 900)
    low, high = paired_bootstrap_interval(
        targets, first, second, groups, classes=3, statistic=accuracy
    )
    right, other = first == targets, second == targets
    newcombe = paired_accuracy_interval(
        int((right & other).sum()),
        int((right & ~other).sum()),
        int((~right & other).sum()),
        int((~right & ~other).sum()),
    )
    assert (low, high) == pytest.approx(newcombe, abs=0.004)
    assert low < high


def test_bootstrap_draws_records_not_beats():
    """The same gain in every record is sure; all of it in one record is not."""
    groups = np.repeat(np.arange(10).astype(str), 100)
    targets, first = np.zeros(1000, np.int64), np.ones(1000, np.int64)
    even = np.where(np.arange(1000) % 100 < 10, 0, 1)
    lumped = np.where(np.arange(1000) < 100, 0, 1)
    assert paired_bootstrap_interval(
        targets, first, even, groups, classes=2, statistic=accuracy
    ) == pytest.approx((0.1, 0.1))
    low, high = paired_bootstrap_interval(
        targets, first, lumped, groups, classes=2, statistic=accuracy
    )
    assert low == 0
    assert high >= 0.2


def test_bootstrap_of_nothing():
    empty = np.empty(0, np.int64)
    assert paired_bootstrap_interval(
        empty, empty, empty, np.empty(0, "U1"), classes=2, statistic=accuracy
    ) == (-1, 1)
