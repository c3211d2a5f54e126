from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.mitdb import BeatRecords
from edgecnn.errors import RecipeError, TrainingError, UsageError
from edgecnn.training.folds import FoldReport, cross_validate
from edgecnn.training.recipe import load_recipe
from edgecnn.training.tasks import training_task
from edgecnn.training.tasks.classify import without_symbols


def test_every_example_is_answered_once_unseen(tiny: Path, drawings: Path) -> None:
    # The test set may be anywhere: it is not opened.
    recipe = load_recipe(tiny, overrides=("data.test=/nowhere", "train.epochs=6"))
    report = cross_validate(recipe, 4)
    assert [fold.n for fold in report.folds] == [20] * 4
    assert report.pooled.n == 80
    assert report.pooled.value >= 0.8
    assert report.groups == ()
    total = np.sum([fold.confusion for fold in report.folds], axis=0)
    assert total.tolist() == [list(row) for row in report.pooled.confusion]


def test_the_epoch_must_not_be_chosen_by_the_fold(tiny: Path) -> None:
    recipe = load_recipe(tiny, overrides=("train.keep=best",))
    with pytest.raises(UsageError, match="choose by the fold"):
        cross_validate(recipe, 2)


def test_the_report_is_kept_and_not_overwritten(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny, overrides=("train.epochs=1",))
    report = cross_validate(recipe, 2, folder=tmp_path / "run")
    kept = tmp_path / "run" / "folds.json"
    assert [path.name for path in kept.parent.iterdir()] == ["folds.json"]
    assert msgspec.json.decode(kept.read_bytes(), type=FoldReport) == report
    with pytest.raises(TrainingError, match="already holds a cross-validation"):
        cross_validate(recipe, 2, folder=tmp_path / "run")


@pytest.mark.data
def test_folds_of_real_records_keep_each_record_whole(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    overrides = ("data.train=mitdb:101,106,119,208", "train.epochs=1", "data.limit=1500")
    report = cross_validate(load_recipe("ecg-beats", overrides=overrides), 2)
    names = [name for group in report.groups for name in group]
    assert sorted(names) == ["101", "106", "119", "208"]
    assert report.pooled.n == len(open_dataset("mitdb:101,106,119,208"))
    assert report.pooled.metric == "macro-F1 (N,S,V)"


@pytest.mark.data
def test_symbols_that_are_left_out_are_scored_all_the_same(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    dataset = open_dataset("mitdb:201,203")
    recipe = load_recipe("ecg-beats-likeness", overrides=("data.train=mitdb:201,203",))
    assert isinstance(dataset, BeatRecords)
    assert dataset.symbols is not None
    everything = np.arange(len(dataset))
    kept = without_symbols(dataset, recipe, everything)
    assert recipe.data.leave_out == ("a",)
    assert len(everything) - len(kept) == np.count_nonzero(dataset.symbols == "a") == 99
    assert "a" not in dataset.symbols[kept]
    prepared = training_task(recipe).prepare(
        recipe, dataset, training_task(recipe).plan(recipe, dataset, (everything, everything))
    )
    assert (len(prepared.train), len(prepared.validation)) == (len(kept), len(everything))


def test_data_without_symbols_leaves_none_out(tiny: Path) -> None:
    recipe = load_recipe(tiny, overrides=('data.leave_out=["a"]',))
    with pytest.raises(RecipeError, match=r"data\.leave_out names annotation symbols"):
        cross_validate(recipe, 2)
