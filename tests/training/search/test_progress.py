from __future__ import annotations

import io

import pytest
from rich.console import Console

from edgecnn.training.search.progress import (
    LineObserver,
    TerminalObserver,
    describe_trial,
    make_observer,
)
from edgecnn.training.search.record import Trial

DONE = Trial(
    number=3, values={"train.peak_rate": 0.05}, outcome="finished", score=0.25, seconds=1.25
)
PRUNED = Trial(
    number=4,
    values={"train.optimizer": "sgd"},
    outcome="pruned",
    history=(1.0, 2.0),
    note="worse than the median",
)


def test_a_trial_in_one_line() -> None:
    assert describe_trial(DONE, 12, DONE) == (
        "trial  3/12  train.peak_rate=0.05  0.2500  best yet  1.2 s"
    )
    assert describe_trial(PRUNED, 12, DONE) == (
        "trial  4/12  train.optimizer=sgd  pruned after epoch 2: worse than the median  "
        "best 0.2500 (trial 3)  0.0 s"
    )
    assert describe_trial(PRUNED, 4, None).endswith("worse than the median  0.0 s")


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    observer = make_observer()
    assert isinstance(observer, LineObserver)
    observer.begin(2, 4)
    assert observer.trial(3, DONE.values) is None
    observer.done(DONE, DONE)
    observer.end()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["4 trials, 2 of them done", describe_trial(DONE, 4, DONE)]


def test_a_bar_on_a_terminal() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, highlight=False)
    observer = TerminalObserver(console)
    observer.begin(0, 4)
    watcher = observer.trial(3, DONE.values)
    watcher.start(1, 2, 10)
    watcher.step(2, 5, 0.5)
    (task,) = observer._bar.tasks
    assert task.completed == pytest.approx(2.75)  # Two trials, and three quarters of the third.
    assert task.description == "trial 3/4  epoch 2/2  loss 0.5000"
    observer.done(DONE, DONE)
    assert task.completed == 3
    observer.end()
    assert describe_trial(DONE, 4, DONE) in screen.getvalue()
