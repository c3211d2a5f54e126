from __future__ import annotations

import csv
import fcntl
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgecnn.errors import EdgeCNNError, RecipeError, TrainingError, UsageError
from edgecnn.training import train as training
from edgecnn.training.checkpoint import load_checkpoint
from edgecnn.training.recipe import load_recipe
from edgecnn.training.search import Observer, SearchReport, plan_search, run_search
from edgecnn.training.search.record import Trial, load_record, save_record
from edgecnn.training.train import train_recipe
from edgecnn.training.watcher import Watcher


def search(
    tiny: Path,
    folder: Path,
    *grids: str,
    resume: bool = False,
    keep: bool = False,
    observer: Observer | None = None,
    **asked: Any,
) -> SearchReport:
    plan = plan_search(str(tiny), grids=grids, **asked)
    return run_search(plan, folder, resume=resume, keep=keep, threads=1, observer=observer)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def made(folder: Path) -> list[tuple[Any, ...]]:
    """All of the trials but their seconds."""
    trials = load_record(folder).trials
    return [msgspec.structs.astuple(msgspec.structs.replace(t, seconds=0.0)) for t in trials]


def test_a_grid_is_searched_and_its_best_recipe_trains(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = search(tiny, out, "lr=1e-4,0.05", "dropout=0,0.2", trial_overrides=("train.epochs=3",))
    assert len(report.trials) == 4
    assert report.best.score == min(trial.score or 0 for trial in report.trials)
    assert report.best.values["train.peak_rate"] == 0.05
    assert next(iter(report.importance)) == "train.peak_rate"
    assert {path.name for path in out.iterdir()} == {
        "best.toml",
        "importance.png",
        "parallel.png",
        "study.json",
        "trials",
        "trials.csv",
    }
    # No weights, nothing of a test set.
    for number, trial in enumerate(report.trials, start=1):
        folder = out / "trials" / f"{number:03}"
        assert {p.name for p in folder.iterdir()} == {"curves.png", "metrics.csv", "summary.json"}
        rows = table(folder / "metrics.csv")
        assert [float(row["validation_loss"]) for row in rows] == list(trial.history)
        assert trial.score == trial.history[-1]
    rows = table(out / "trials.csv")
    assert [float(row["train.peak_rate"]) for row in rows] == [1e-4, 1e-4, 0.05, 0.05]
    assert [float(row["validation_loss"]) for row in rows] == [t.score for t in report.trials]

    best = load_recipe(out / "best.toml")
    values = [f"{key}={value}" for key, value in report.best.values.items()]
    assert best == load_recipe(tiny, overrides=(*values, 'name="tiny-best"'))
    assert best.train.epochs == 4  # The trials' own change is not in it.
    summary = train_recipe(best, tmp_path / "trained", threads=1)
    assert summary.test is not None
    assert summary.test.n == 40


def test_the_test_set_is_never_opened(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    original = training.open_dataset

    def noting(spec: str, **options: Any) -> Any:
        opened.append(spec)
        return original(spec, **options)

    for module in ("train", "folds", "search.plan"):
        monkeypatch.setattr(f"edgecnn.training.{module}.open_dataset", noting)
    # It need not even be there.
    overrides = ("data.test=/nowhere", "train.epochs=1")
    search(tiny, tmp_path / "out", "lr=0.01,0.05", overrides=overrides)
    search(tiny, tmp_path / "folds", "lr=0.01", overrides=overrides, folds=2)
    assert len(opened) >= 4
    assert all(spec.endswith("/train") for spec in opened)
    assert load_recipe(tmp_path / "out" / "best.toml").data.test == "/nowhere"


def test_a_trial_is_the_training_that_its_values_give(tiny: Path, tmp_path: Path) -> None:
    report = search(tiny, tmp_path / "out", "lr=0.03", keep=True)
    recipe = load_recipe(tiny, overrides=("train.peak_rate=0.03", 'data.test=""'))
    summary = train_recipe(recipe, tmp_path / "alone", threads=1)
    assert report.best.score == summary.validation.validation_loss
    kept = load_checkpoint(tmp_path / "out" / "trials" / "001")
    assert kept.recipe == recipe
    assert not (tmp_path / "out" / "trials" / "001" / "resume.safetensors").exists()


class _Stopped(Observer, Watcher):
    """Interrupts a search in the second epoch of a trial."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._now = 0

    def trial(self, number: int, values: Any) -> Watcher:
        self._now = number
        return self

    def step(self, epoch: int, step: int, loss: float) -> None:
        if self._now == self._at and epoch == 2:
            raise KeyboardInterrupt


def test_a_resumed_search_is_one_that_was_not_interrupted(tiny: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "ranges": ("lr=1e-4..0.5:log", "weight_decay=1e-5..1e-2:log"),
        "trials": 5,
        "prune": True,
        "overrides": ("train.epochs=3",),
    }
    search(tiny, tmp_path / "whole", **asked)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        search(tiny, out, observer=_Stopped(3), **asked)
    assert len(made(out)) == 2
    # The training that was cut off goes on after its first epoch.
    first = (out / "trials" / "003" / "metrics.csv").read_bytes()
    with pytest.raises(TrainingError, match="already holds a search"):
        search(tiny, out, **asked)
    search(tiny, out, resume=True, **asked)
    assert made(out) == made(tmp_path / "whole")
    assert (out / "trials" / "003" / "metrics.csv").read_bytes().startswith(first)
    # More of them can be asked for later; what is done stays.
    search(tiny, out, resume=True, **{**asked, "trials": 6})
    assert made(out)[:5] == made(tmp_path / "whole")
    assert len(made(out)) == 6


def test_a_kill_between_training_and_record_trains_nothing_twice(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        save = "edgecnn.training.search.search.save_record"
        plan = plan_search(str(tiny), grids=["lr=0.01,0.05"])
        patch.setattr(
            save, lambda folder, new: killed() if new.trials else save_record(folder, new)
        )
        with pytest.raises(KeyboardInterrupt):
            run_search(plan, out, threads=1)
    assert made(out) == []
    before = (out / "trials" / "001" / "summary.json").stat().st_mtime_ns
    report = run_search(plan, out, resume=True, threads=1)
    assert (out / "trials" / "001" / "summary.json").stat().st_mtime_ns == before
    assert len(report.trials) == 2
    assert not (out / "trials" / "001" / "checkpoint.safetensors").exists()


def test_resume_refuses_another_search(tiny: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    search(tiny, out, "lr=0.05", overrides=("train.epochs=1",))
    for other, message in (
        ({"overrides": ("train.epochs=2",)}, "train.epochs was 1, now 2"),
        ({"metric": "validation_accuracy"}, "metric was validation_loss, now validation_acc"),
        ({"seed": 3}, "seed was 0, now 3"),
        ({"prune": True}, "prune was False, now True"),
    ):
        asked: dict[str, Any] = {"overrides": ("train.epochs=1",), **other}
        with pytest.raises(TrainingError, match=f"another search: {message}"):
            search(tiny, out, "lr=0.05", resume=True, **asked)
    with pytest.raises(TrainingError, match="axes was another one"):
        search(tiny, out, "lr=0.01", resume=True, overrides=("train.epochs=1",))
    (out / "study.json").write_text('{"question": ')
    with pytest.raises(TrainingError, match="cannot read the search"):
        search(tiny, out, "lr=0.05", resume=True)


def test_two_searches_do_not_write_to_one_folder(tiny: Path, tmp_path: Path) -> None:
    lock = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        with pytest.raises(TrainingError, match="another search is writing"):
            search(tiny, tmp_path, "lr=0.05")
    finally:
        os.close(lock)


def test_bad_trials_are_told_and_the_search_goes_on(tiny: Path, tmp_path: Path) -> None:
    report = search(
        tiny,
        tmp_path / "out",
        "lr=1e9,0.05",
        "keep=last,best",
        overrides=("train.epochs=1", "train.ema_decay=0"),
    )
    assert [trial.outcome for trial in report.trials] == [
        "diverged",
        "diverged",
        "finished",
        "finished",
    ]
    assert "the loss is" in report.trials[0].note
    rows = table(tmp_path / "out" / "trials.csv")
    assert rows[0]["validation_loss"] == ""
    assert rows[0]["outcome"] == "diverged"


def test_values_that_only_together_are_impossible(tiny: Path, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"overrides": ("train.epochs=1",)}
    report = search(tiny, tmp_path / "out", "augment.crop=0,20", "input.height=28,16", **asked)
    assert [trial.outcome for trial in report.trials] == ["finished"] * 3 + ["impossible"]
    assert "augment.crop=20 needs pictures larger" in report.trials[3].note


def test_no_score_at_all_is_an_error(tiny: Path, tmp_path: Path) -> None:
    overrides = ("train.epochs=1", "train.ema_decay=0")
    with pytest.raises(TrainingError, match="none of 2 trials came to an end; the last one div"):
        search(tiny, tmp_path / "out", "lr=1e9,1e10", overrides=overrides)
    assert (tmp_path / "out" / "trials.csv").read_text().count("diverged") == 2
    assert not (tmp_path / "out" / "best.toml").exists()


def test_folds_score_by_cross_validation(tiny: Path, tmp_path: Path) -> None:
    report = search(tiny, tmp_path / "out", "lr=1e-4,0.05", folds=2)
    assert report.metric == "folds"
    assert report.direction == "maximize"
    assert report.best.values == {"train.peak_rate": 0.05}
    assert (tmp_path / "out" / "trials" / "002" / "folds.json").is_file()


def test_accuracy_is_made_large(tiny: Path, tmp_path: Path) -> None:
    report = search(tiny, tmp_path / "out", "lr=1e-4,0.05", metric="validation_accuracy")
    assert report.best.score == max(trial.score or 0 for trial in report.trials)


@pytest.mark.parametrize(
    ("grids", "asked", "kind", "message"),
    [
        (["train.nothing=1"], {}, RecipeError, "unknown key 'train.nothing'"),
        (["lr=0.1,-1"], {}, RecipeError, "train.peak_rate"),
        (["optimizer=sgd,adam"], {}, RecipeError, "train.optimizer cannot be 'adam'"),
        (["model.arguments.depth=3"], {}, UsageError, "takes no argument 'depth'"),
        (["dropout=0,1.5"], {}, EdgeCNNError, "dropout"),
        (["model.name=lenet5,lenet6"], {}, UsageError, "no model named 'lenet6'"),
        (["input.height=28,5"], {}, RecipeError, "lenet5 cannot"),
        (["lr=1"], {"metric": "validation_map"}, UsageError, "has no validation_map"),
        (["lr=1"], {"overrides": ("data.validation=0",)}, RecipeError, "sets nothing aside"),
        (["lr=1"], {"overrides": ("data.train=/nowhere",)}, EdgeCNNError, "nowhere"),
        (["lr=1"], {"trial_overrides": ("train.epochs=0",)}, RecipeError, "train.epochs"),
        (["lr=1"], {"ranges": ["batch=2..4"], "sampler": "grid"}, UsageError, "--sampler grid"),
        (["lr=1"], {"folds": 2, "prune": True}, UsageError, "--prune does not go"),
        (["lr=1"], {"folds": 2, "metric": "validation_loss"}, UsageError, "measures by itself"),
        (["lr=1"], {"folds": 2, "overrides": ("train.keep=best",)}, UsageError, "by the fold"),
    ],
)
def test_what_is_wrong_is_said_before_any_training(
    tiny: Path, tmp_path: Path, grids: list[str], asked: dict[str, Any], kind: type, message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        search(tiny, tmp_path / "out", *grids, **asked)
    assert "\n" not in caught.value.message
    assert not (tmp_path / "out").exists()


def test_an_observer_is_told_of_every_trial(tiny: Path, tmp_path: Path) -> None:
    told: list[Any] = []

    class Noting(Observer):
        def begin(self, done: int, total: int) -> None:
            told.append((done, total))

        def done(self, trial: Trial, best: Trial | None) -> None:
            assert best is not None
            told.append((trial.number, best.number))

        def end(self) -> None:
            told.append("end")

    search(tiny, tmp_path / "out", "lr=1e-4,0.05", overrides=("train.epochs=3",), observer=Noting())
    assert told == [(0, 2), (1, 1), (2, 2), "end"]
