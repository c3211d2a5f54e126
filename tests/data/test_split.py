from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.data.split import group_folds, hold_out, stratified_folds
from edgecnn.errors import DataError


@given(
    classes=st.lists(st.integers(0, 4), min_size=1, max_size=200),
    fraction=st.floats(0, 0.5),
    seed=st.integers(0, 99),
)
def test_hold_out_is_a_partition_with_equal_shares(
    classes: list[int], fraction: float, seed: int
) -> None:
    targets = np.array(classes)
    training, validation = hold_out(targets, fraction, seed)
    assert sorted([*training, *validation]) == list(range(len(targets)))
    for label in np.unique(targets):
        held = np.count_nonzero(targets[validation] == label)
        assert held == round(fraction * np.count_nonzero(targets == label))


def test_the_seed_decides() -> None:
    targets = np.arange(100) % 10
    first = hold_out(targets, 0.2, 1)[1]
    assert hold_out(targets, 0.2, 1)[1].tolist() == first.tolist()
    assert hold_out(targets, 0.2, 2)[1].tolist() != first.tolist()


@given(
    sizes=st.lists(st.integers(1, 20), min_size=3, max_size=12),
    count=st.integers(2, 3),
    seed=st.integers(0, 9),
)
def test_groups_stay_whole_and_no_fold_is_empty(sizes: list[int], count: int, seed: int) -> None:
    groups = np.repeat([f"r{i}" for i in range(len(sizes))], sizes)
    targets = np.random.default_rng(seed).integers(0, 3, len(groups))
    folds = group_folds(targets, groups, count, seed)
    assert set(folds) == set(range(count))
    for name in np.unique(groups):
        assert len(set(folds[groups == name])) == 1


def test_a_rare_class_is_spread_over_the_folds() -> None:
    groups = np.repeat([f"r{i}" for i in range(8)], 100)
    targets = np.zeros(800, np.int64)
    for record in (0, 1, 2, 3):
        targets[100 * record : 100 * record + 5] = 1
    folds = group_folds(targets, groups, 4, seed=0)
    assert [int(targets[folds == fold].sum()) for fold in range(4)] == [5, 5, 5, 5]


def test_groups_without_a_class_in_common_are_dealt_evenly() -> None:
    groups = np.repeat(["a", "b", "c", "d"], 10)
    folds = group_folds(np.repeat([0, 1, 2, 3], 10), groups, 2, seed=0)
    assert np.bincount(folds).tolist() == [20, 20]


def test_one_large_group_leaves_no_fold_empty() -> None:
    groups = np.array(["a"] * 98 + ["b", "c"])
    assert set(group_folds(np.arange(100) % 2, groups, 3, seed=0)) == {0, 1, 2}


def test_hold_out_of_groups_leaves_no_group_on_both_sides() -> None:
    groups = np.repeat([f"r{i}" for i in range(10)], 30)
    targets = np.arange(300) % 3
    training, validation = hold_out(targets, 0.2, 3, groups=groups)
    assert not set(groups[training]) & set(groups[validation])
    assert len(set(groups[validation])) == 2


def test_too_few_groups() -> None:
    with pytest.raises(DataError, match="2 records cannot be dealt into 3 folds"):
        group_folds(np.zeros(4, np.int64), np.array(["a", "a", "b", "b"]), 3, 0)


def test_stratified_folds_share_every_class() -> None:
    targets = np.repeat([0, 1], [50, 10])
    folds = stratified_folds(targets, 5, seed=0)
    for fold in range(5):
        assert np.bincount(targets[folds == fold]).tolist() == [10, 2]
