"""Whole trainings on drawn data, killed and resumed ones among them."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
import torch

from edgecnn.data import open_dataset
from edgecnn.errors import DataError, TrainingError
from edgecnn.training.checkpoint import load_checkpoint
from edgecnn.training.loop import predict_outputs
from edgecnn.training.recipe import load_recipe
from edgecnn.training.tasks import training_task
from edgecnn.training.train import train_recipe
from edgecnn.training.watcher import Watcher


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_a_training_leaves_all_that_it_promises(tiny: Path, tmp_path: Path) -> None:
    summary = train_recipe(load_recipe(tiny, overrides=("train.epochs=8",)), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        *("checkpoint.json", "checkpoint.safetensors", "confusion.png", "curves.png"),
        *("metrics.csv", "summary.json"),
    ]
    assert (summary.train_samples, summary.validation_samples) == (64, 16)
    assert summary.test is not None
    assert summary.test.n == 40
    assert summary.test.value >= 0.9
    assert [row["epoch"] for row in rows(tmp_path / "run")] == [str(i) for i in range(1, 9)]
    assert json.loads((tmp_path / "run/summary.json").read_text())["recipe"] == "tiny"
    for name in ("curves.png", "confusion.png"):
        assert cv2.imread(str(tmp_path / "run" / name)) is not None
    checkpoint = load_checkpoint(tmp_path / "run")
    assert checkpoint.metadata.labels == ("cross", "ring")
    assert checkpoint.measured.accuracy == (summary.test,)
    roles = [(use.role, use.samples) for use in checkpoint.metadata.provenance.datasets]
    assert roles == [("train", 64), ("validation", 16), ("test", 40)]
    assert all(len(use.sha256) == 64 for use in checkpoint.metadata.provenance.datasets)


def test_equal_trainings_give_equal_bytes(tiny: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train_recipe(load_recipe(tiny), tmp_path / name)
    weights = [(tmp_path / name / "checkpoint.safetensors").read_bytes() for name in "ab"]
    assert weights[0] == weights[1]


class _Stop(Watcher):
    def __init__(self, after: int) -> None:
        self.after = after

    def step(self, epoch: int, step: int, loss: float) -> None:
        if epoch == self.after + 1 and step == 2:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    "overrides",
    [
        ("train.keep=best",),
        ("train.optimizer=adamw", "train.peak_rate=0.003"),
        ("train.precision=bf16", "train.channels_last=true", "train.balance=0.5"),
    ],
)
def test_interrupted_and_resumed_equals_uninterrupted(
    tiny: Path, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    recipe = load_recipe(tiny, overrides=overrides)
    whole = train_recipe(recipe, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train_recipe(recipe, tmp_path / "parts", watcher=_Stop(after=1))
    assert not (tmp_path / "parts" / "checkpoint.json").exists()
    with pytest.raises(KeyboardInterrupt):
        train_recipe(recipe, tmp_path / "parts", resume=True, watcher=_Stop(after=3))
    parts = train_recipe(recipe, tmp_path / "parts", resume=True)
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert parts.test == whole.test
    assert parts.kept_epoch == whole.kept_epoch
    weights = [(tmp_path / n / "checkpoint.safetensors").read_bytes() for n in ("whole", "parts")]
    assert weights[0] == weights[1]


def test_the_best_epoch_is_kept_when_it_is_asked_for(tiny: Path, tmp_path: Path) -> None:
    # A rate that rises to the end spoils what was learnt before.
    recipe = load_recipe(
        tiny,
        overrides=(
            *("train.keep=best", "train.epochs=8", "train.peak_rate=1.5", "train.warmup=0.95"),
            *("train.ema_decay=0.0", "train.momentum=0.5"),
        ),
    )
    summary = train_recipe(recipe, tmp_path / "run")
    assert summary.kept_epoch < 8
    assert summary.validation.epoch == summary.kept_epoch
    losses = [float(row["validation_loss"]) for row in rows(tmp_path / "run")]
    assert losses.index(min(losses)) == summary.kept_epoch - 1
    task, dataset = training_task(recipe), open_dataset(recipe.data.train)
    held_out = task.prepare(recipe, dataset, task.plan(recipe, dataset)).validation
    logits = predict_outputs(load_checkpoint(tmp_path / "run").module, held_out.inputs)
    loss = torch.nn.functional.cross_entropy(logits, held_out.targets).item()
    assert loss == pytest.approx(min(losses), rel=1e-4)


#: The command, which stands still after fifteen epochs until it is killed.
HALTING = """
import time
from edgecnn.training import train

write_text = train.write_text

def writing(path, text):
    write_text(path, text)
    if text.count("\\n") > 15:
        time.sleep(240)

train.write_text = writing
from edgecnn.__main__ import main
main()
"""


def test_killed_and_resumed_equals_uninterrupted(tiny: Path, tmp_path: Path) -> None:
    """A real process, a real SIGKILL at an unknown place in an epoch."""
    overrides = ["train.epochs=20", "augment.shear_deg=5.0"]
    folder = tmp_path / "killed"
    arguments = ["train", str(tiny), "--threads", "1", "-o", str(folder)]
    for override in overrides:
        arguments += ["--set", override]
    halting = [sys.executable, "-c", HALTING, *arguments]
    with subprocess.Popen(halting, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and process.poll() is None:
            log = folder / "metrics.csv"
            if log.exists() and len(log.read_text().splitlines()) > 5:
                break
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "checkpoint.json").exists()
    finished = subprocess.run(
        [sys.executable, "-m", "edgecnn", *arguments, "--resume", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    first = int(finished.stderr.split()[1])
    assert first > 5

    recipe = load_recipe(tiny, overrides=overrides)
    whole = train_recipe(recipe, tmp_path / "whole", threads=1)
    assert rows(folder) == rows(tmp_path / "whole")
    assert json.loads(finished.stdout)["test"]["value"] == whole.test.value
    weights = [path / "checkpoint.safetensors" for path in (folder, tmp_path / "whole")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_resuming_a_finished_training_repeats_its_summary(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny)
    done = train_recipe(recipe, tmp_path / "run")
    assert train_recipe(recipe, tmp_path / "run", resume=True) == done


def test_a_finished_training_is_not_taken_for_another_recipes(tiny: Path, tmp_path: Path) -> None:
    train_recipe(load_recipe(tiny), tmp_path / "run")
    with pytest.raises(TrainingError, match=r"another recipe: train\.epochs was 4, now 5"):
        train_recipe(
            load_recipe(tiny, overrides=("train.epochs=5",)), tmp_path / "run", resume=True
        )
    with pytest.raises(TrainingError, match="another recipe: name was tiny, now ecg-beats"):
        train_recipe(load_recipe("ecg-beats"), tmp_path / "run", resume=True)


def test_a_training_does_not_go_on_with_other_data(
    tiny: Path, tmp_path: Path, drawings: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(drawings / "train", data)
    recipe = load_recipe(tiny, overrides=(f"data.train={data}",))
    with pytest.raises(KeyboardInterrupt):
        train_recipe(recipe, tmp_path / "run", watcher=_Stop(after=1))
    # The same pictures, one of them with another label.
    moved = data / "cross" / "00.png"
    moved.rename(data / "ring" / "moved.png")
    with pytest.raises(TrainingError, match="was trained on other data"):
        train_recipe(recipe, tmp_path / "run", resume=True)
    (data / "ring" / "moved.png").rename(moved)
    assert train_recipe(recipe, tmp_path / "run", resume=True).epochs == 4


def test_the_best_epoch_needs_a_validation_example(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny, overrides=("train.keep=best", "data.validation=0.001"))
    with pytest.raises(TrainingError, match=r"share of 0\.001 .* is no example") as error:
        train_recipe(recipe, tmp_path / "run")
    assert "keep=last" in str(error.value.hint)
    assert not (tmp_path / "run").exists()


def test_the_largest_seed_trains(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny, overrides=(f"train.seed={2**32 - 1}", "train.epochs=1"))
    assert train_recipe(recipe, tmp_path / "run").epochs == 1


def test_resuming_nothing_starts_anew(tiny: Path, tmp_path: Path) -> None:
    assert train_recipe(load_recipe(tiny), tmp_path / "run", resume=True).epochs == 4


def test_an_earlier_training_is_not_overwritten(tiny: Path, tmp_path: Path) -> None:
    train_recipe(load_recipe(tiny), tmp_path / "run")
    with pytest.raises(TrainingError, match="already holds a training") as error:
        train_recipe(load_recipe(tiny), tmp_path / "run")
    assert "--resume" in str(error.value.hint)


def test_the_test_set_is_read_once_and_last(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgecnn.data.folder import PictureFolder

    read: list[tuple[str, int]] = []
    inputs = PictureFolder.inputs

    def spy(self: PictureFolder, spec: object, indices: object = None) -> object:
        read.append((self.info.name, len(self) if indices is None else len(indices)))  # type: ignore[arg-type]
        return inputs(self, spec, indices)  # type: ignore[arg-type]

    monkeypatch.setattr(PictureFolder, "inputs", spy)

    class Trained(Watcher):
        def end(self) -> None:
            read.append(("trained", 0))

    train_recipe(load_recipe(tiny), tmp_path / "run", watcher=Trained())
    # One picture beforehand, to find out whether it can be read at all; its answer is not asked.
    assert read == [("test", 1), ("train", 64), ("train", 16), ("trained", 0), ("test", 40)]


def test_a_test_set_of_other_classes_is_found_out_before_the_work(
    tiny: Path, tmp_path: Path, drawings: Path
) -> None:
    other = tmp_path / "other" / "square"
    other.mkdir(parents=True)
    (other / "1.png").write_bytes((drawings / "test/ring/00.png").read_bytes())
    recipe = load_recipe(tiny, overrides=(f"data.test={tmp_path / 'other'}",))
    with pytest.raises(DataError, match="'square' is no class"):
        train_recipe(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_unlabelled_pictures_cannot_be_trained_on(
    tiny: Path, tmp_path: Path, drawings: Path
) -> None:
    recipe = load_recipe(tiny, overrides=(f"data.train={drawings / 'test' / 'ring'}",))
    with pytest.raises(DataError, match="no labels to train on"):
        train_recipe(recipe, tmp_path / "run")


def test_a_loss_that_is_not_finite_leaves_no_checkpoint(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny, overrides=("train.peak_rate=1e9", "train.epochs=30"))
    with pytest.raises(TrainingError, match="the loss is"):
        train_recipe(recipe, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint.json").exists()


def test_without_validation_and_test_set(tiny: Path, tmp_path: Path) -> None:
    recipe = load_recipe(tiny, overrides=("data.validation=0.0", "data.test=''", "data.limit=32"))
    summary = train_recipe(recipe, tmp_path / "run")
    assert summary.test is None
    assert (summary.train_samples, summary.validation_samples) == (32, 0)
    assert summary.validation.validation_loss is None
    assert not (tmp_path / "run" / "confusion.png").exists()


@pytest.mark.data
def test_real_digits_in_seconds(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MNIST with the committed recipe, shortened: a tenth of the data for five epochs."""
    monkeypatch.setenv("EDGECNN_DATA", str(data_root))
    # A quarter of the batch, and so of the rate: at the whole rate some seeds learn nothing.
    overrides = (
        "data.limit=6000", "train.epochs=5", "train.batch=32", "train.ema_decay=0.98",
        "train.peak_rate=0.025",
    )  # fmt: skip
    summary = train_recipe(load_recipe("mnist-lenet5", overrides=overrides), tmp_path / "run")
    assert summary.test is not None
    assert summary.test.value >= 0.97
