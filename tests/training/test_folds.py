from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.errors import TrainingError, UsageError
from edgecnn.training.folds import FoldReport, cross_validate
from edgecnn.training.recipe import load_recipe


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
