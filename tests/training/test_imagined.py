"""Imagined rhythms in what a network is trained on: their shares, their labels, their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.data import open_dataset
from edgecnn.data.mitdb import BeatRecords
from edgecnn.errors import RecipeError
from edgecnn.metadata import BeatInput
from edgecnn.training.examples import Examples
from edgecnn.training.imagined import SharedExamples, with_imagined
from edgecnn.training.recipe import ImaginedRhythms, load_recipe
from edgecnn.training.tasks import training_task


def test_each_origin_is_drawn_by_its_share_and_classes_within_it() -> None:
    targets = torch.tensor([0] * 900 + [1] * 100 + [0] * 50 + [1] * 50)
    examples = SharedExamples(
        inputs={"x": torch.arange(1100.0)},
        targets=targets,
        origins=torch.tensor([0] * 1000 + [2] * 100),
        shares=(0.75, 0.0, 0.25),
    )
    drawn = torch.cat(
        [examples.order(0.5, torch.Generator().manual_seed(seed)) for seed in range(20)]
    )
    assert (examples.origins[drawn] == 2).float().mean().item() == pytest.approx(0.25, abs=0.015)
    recorded = targets[drawn[examples.origins[drawn] == 0]]
    # Nine times as many are drawn three times as often at an exponent of a half.
    assert recorded.float().mean().item() == pytest.approx(0.25, abs=0.015)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("imagined.bursts=1.5", "bursts"),
        ("imagined.fibrillation=0.95", "nothing would be left"),
        ("imagined.flutter=0.1", "flutter"),
    ],
)
def test_shares_that_make_no_sense_are_refused(override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe("ecg-beats", overrides=(override,))


def test_they_are_of_heartbeats() -> None:
    with pytest.raises(RecipeError, match="imagined rhythms are of heartbeats"):
        load_recipe("mnist-lenet5", overrides=("imagined.bursts=0.1",))


@pytest.mark.data
def test_a_patient_who_is_held_out_is_in_no_imagined_rhythm(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    recipe = load_recipe("ecg-beats", overrides=("data.train=mitdb:118,122",))
    dataset = open_dataset("mitdb:118,122")
    assert isinstance(dataset, BeatRecords)
    assert isinstance(recipe.input, BeatInput)
    assert dataset.groups is not None
    without = np.flatnonzero(dataset.groups == "122")
    assert list(dataset.recorded_beats(recipe.input, without)) == ["122"]
    both = dataset.recorded_beats(recipe.input, np.arange(len(dataset)))
    assert dataset.targets is not None
    for name, record in both.items():
        known = record.classes[record.classes >= 0]
        np.testing.assert_array_equal(known, dataset.targets[dataset.groups == name])
    shapes = recipe.input.tensors.items()
    nothing = Examples(
        {name: torch.zeros(0, *shape) for name, shape in shapes}, torch.zeros(0, dtype=torch.int64)
    )
    choice = ImaginedRhythms(bursts=0.2, fibrillation=0.1)
    made = with_imagined(nothing, dataset, recipe.input, without, choice=choice, seed=0)
    # 122 has no ectopic beats, so no bursts: their share goes to the beats as they were.
    assert made.shares == pytest.approx((0.9, 0, 0.1))  # type: ignore[attr-defined]
    assert not made.targets.any()


@pytest.mark.data
def test_what_is_trained_on_holds_them_and_what_is_scored_does_not(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    recipe = load_recipe("ecg-beats", overrides=("data.train=mitdb:118,122",))
    dataset = open_dataset("mitdb:118,122")
    everything = np.arange(len(dataset))
    task = training_task(recipe)
    plan = task.plan(recipe, dataset, (everything, everything))
    one, two = (task.prepare(recipe, dataset, plan) for _ in range(2))
    # Four bursts of 500 beats or a few more, of 118 alone; five times 200 in fibrillation of each.
    assert len(dataset) + 4000 <= len(one.train) < len(dataset) + 4200
    assert len(one.validation) == len(dataset)
    generators = [torch.Generator().manual_seed(0) for _ in range(2)]
    orders = [p.train.order(0.4, g) for p, g in zip((one, two), generators, strict=True)]
    assert torch.equal(*orders)
    assert torch.equal(
        one.train.draw(orders[0][:64], generators[0]).inputs["rr"],
        two.train.draw(orders[1][:64], generators[1]).inputs["rr"],
    )
