from __future__ import annotations

import errno
import importlib.util
import os
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from edgecnn.cli.run import run
from edgecnn.training.recipe import load_recipe
from edgecnn.training.tensorboard import LOG_FOLDER, TensorBoardLog, tensorboard_log
from edgecnn.training.train import train_recipe
from edgecnn.training.watcher import Watcher


def test_the_curves_are_those_of_the_metrics(tiny: Path, tmp_path: Path) -> None:
    """What TensorBoard itself reads is what ``metrics.csv`` says."""
    folder = tmp_path / "run"
    train_recipe(load_recipe(tiny), folder, watcher=tensorboard_log(folder))
    events = EventAccumulator(str(tmp_path / "run" / LOG_FOLDER))
    events.Reload()
    header, *rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    column = header.split(",").index("validation_loss")
    points = events.Scalars("loss/validation")
    assert [point.step for point in points] == [1, 2, 3, 4]
    written = [float(row.split(",")[column]) for row in rows]
    assert [point.value for point in points] == pytest.approx(written)
    # A classifier measures no boxes.
    assert "mAP/validation" not in events.Tags()["scalars"]


def test_without_tensorboard_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(tensorboard_log(tmp_path), TensorBoardLog)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    watcher = tensorboard_log(tmp_path)
    assert type(watcher) is Watcher
    watcher.start(1, 2, 3)
    watcher.end()
    assert not list(tmp_path.iterdir())


def test_the_command_writes_them(tiny: Path, tmp_path: Path) -> None:
    assert run(["train", str(tiny), "-o", str(tmp_path / "run"), "--set", "train.epochs=1"]) == 0
    assert list((tmp_path / "run" / LOG_FOLDER).glob("events.out.tfevents.*"))


@pytest.mark.parametrize("call", ["add_scalar", "flush", "close"])
def test_a_full_disk_is_one_line(
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    call: str,
) -> None:
    """TensorBoard writes on a thread of its own; what failed there is raised by any later call."""

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"torch.utils.tensorboard.SummaryWriter.{call}", full)
    assert run(["train", str(tiny), "-o", str(tmp_path / "run"), "--set", "train.epochs=1"]) == 1
    said = capsys.readouterr().err
    assert f"error: cannot write {tmp_path / 'run' / LOG_FOLDER}: No space left" in said
    assert "Traceback" not in said
