from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.errors import UsageError
from edgecnn.training.recipe import load_recipe
from edgecnn.training.search.space import (
    Grid,
    Range,
    Value,
    as_override,
    grid_points,
    read_axes,
    read_grid,
    read_range,
    searched_key,
)

RECIPE = load_recipe("mnist-lenet5")


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("train.peak_rate=0.05,0.1", "train.peak_rate", (0.05, 0.1)),
        ("lr=5e-2", "train.peak_rate", (0.05,)),
        ("dropout=0, 0.5", "model.arguments.dropout", (0, 0.5)),
        ("optimizer=sgd,adamw", "train.optimizer", ("sgd", "adamw")),
        ('optimizer="sgd","adamw"', "train.optimizer", ("sgd", "adamw")),
        ("rotate_deg=0,10", "augment.rotate_deg", (0, 10)),
        ("train.step_at=[0.5],[0.3,0.6]", "train.step_at", ([0.5], [0.3, 0.6])),
        ("augment.flip=true,false", "augment.flip", (True, False)),
    ],
)
def test_grid(text: str, key: str, values: tuple[Value, ...]) -> None:
    assert read_grid(text, RECIPE) == Grid(key=key, values=values)


@pytest.mark.parametrize(
    ("text", "low", "high", "log", "whole"),
    [
        ("lr=1e-3..1:log", 1e-3, 1, True, False),
        ("lr=0.1..0.5", 0.1, 0.5, False, False),
        ("lr=-1.5..-.5", -1.5, -0.5, False, False),
        ("batch=16..256:log", 16, 256, True, True),
        ("batch=16..256", 16, 256, False, True),
    ],
)
def test_range(text: str, low: float, high: float, log: bool, whole: bool) -> None:
    axis = read_range(text, RECIPE)
    assert (axis.low, axis.high, axis.log, axis.whole) == (low, high, log, whole)


@pytest.mark.parametrize(
    ("grids", "ranges", "message"),
    [
        ([], [], "nothing to search"),
        (["lr"], [], "cannot read 'lr'"),
        (["lr="], [], "cannot read 'lr='"),
        (["=1"], [], "cannot read '=1'"),
        (["lr=0.1,,0.2"], [], "cannot read the values of train.peak_rate"),
        (["lr=nan,1"], [], "cannot read the values"),
        (["lr=2020-01-01"], [], "cannot read the values"),
        (["lr=1,1.0"], [], "has the value 1.0 twice"),
        (["lr=1", "train.peak_rate=2"], [], "searched twice"),
        (["nothing=1"], [], "no key 'nothing'"),
        (["seed=1,2"], [], "train.seed cannot be searched"),
        (["data.test=a,b"], [], "test set closed"),
        (["data.validation=0.1"], [], "not be scored on the same examples"),
        (["name=a"], [], "cannot be searched"),
        ([], ["lr=0.1"], "cannot read the range"),
        ([], ["lr=0.1..inf"], "cannot read the range"),
        ([], ["lr=1..1"], "no range from 1 to 1"),
        ([], ["lr=2..1"], "no range"),
        ([], ["lr=0..1:log"], "by logarithm from 0"),
        ([], ["lr=1e-3..1:lin"], "cannot read the range"),
    ],
)
def test_what_cannot_be_read(grids: list[str], ranges: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_axes(grids, ranges, RECIPE)
    assert "\n" not in caught.value.message


def test_a_network_argument_wins_over_an_augmentation() -> None:
    recipe = load_recipe("ecg-beats")
    assert searched_key("weight_decay", recipe) == "train.weight_decay"
    assert searched_key("noise", recipe) == "augment.noise"


def test_points_are_all_combinations_the_last_axis_fastest() -> None:
    axes = read_axes(["lr=1,2", "dropout=0,0.5"], [], RECIPE)
    assert [tuple(point.values()) for point in grid_points(axes)] == [
        (1, 0),
        (1, 0.5),
        (2, 0),
        (2, 0.5),
    ]


@given(st.floats(1e-5, 1e-2))
def test_a_drawn_value_is_short_and_within_its_range(value: float) -> None:
    rounded = Range(key="k", low=1e-5, high=1e-2, log=True).rounded(value)
    assert 1e-5 <= rounded <= 1e-2
    assert rounded == pytest.approx(value, rel=1e-3)
    assert rounded in (float(f"{rounded:.4g}"), 1e-5, 1e-2)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train.peak_rate", 1e-05),
        ("train.batch", 17),
        ("train.optimizer", "adamw"),
        ("train.channels_last", True),
        ("title", 'Ünïcode 🙂 "quoted"'),
        ("model.arguments.widths", [8, 16]),
    ],
)
def test_an_override_sets_exactly_the_value(key: str, value: Any) -> None:
    recipe = load_recipe("mnist-lenet5", overrides=(as_override(key, value),))
    found: Any = recipe
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == value
