from __future__ import annotations

import io

import pytest
from rich.console import Console

from edgecnn.models import create_model
from edgecnn.training.fit_state import EpochResult, FitState
from edgecnn.training.progress import LineWatcher, TerminalWatcher, describe_epoch, make_watcher
from edgecnn.training.settings import TrainSettings


def result(epoch: int, *, seconds: float = 30.0, validated: bool = True) -> EpochResult:
    values = (0.5, 0.9, 0.8) if validated else (None, None, None)
    return EpochResult(epoch, 0.1, 1.25, 0.6, *values, seconds)


def state(*results: EpochResult) -> FitState:
    settings = TrainSettings(epochs=10, batch=1, peak_rate=0.1)
    made = FitState.fresh(create_model("lenet5"), settings)
    made.history.extend(results)
    return made


def test_a_line_per_epoch_with_eta(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = LineWatcher()
    watcher.start(1, 10, 100)
    watcher.step(1, 1, 0.5)
    watcher.epoch(state(result(1, seconds=400)))
    watcher.end()
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[0] == "epochs 1 to 10, 100 steps each"
    assert lines[1].startswith("epoch  1/10  loss 1.2500  accuracy 0.6000  validation loss 0.5000")
    assert lines[1].endswith("400.0 s  ETA 1:00:00")


def test_the_last_epoch_has_no_eta_and_no_validation_no_such_words() -> None:
    line = describe_epoch(result(10, validated=False), 10, 0.0)
    assert "ETA" not in line
    assert "validation" not in line


def test_a_bar_on_a_terminal() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    watcher = TerminalWatcher(console)
    watcher.start(1, 2, 4)
    for step in range(1, 5):
        watcher.step(1, step, 0.7)
    watcher.epoch(state(result(1)))
    watcher.end()
    assert "epoch 1/2  loss 0.7000" in text.getvalue()
    assert "steps/s" in text.getvalue()
    assert "validation loss 0.5000" in text.getvalue()


def test_plain_lines_where_stderr_is_no_terminal() -> None:
    assert isinstance(make_watcher(), LineWatcher)
