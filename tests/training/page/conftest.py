"""Trainings with a page, and a browser to look at it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgecnn.errors import EdgeCNNError
from edgecnn.training.page.page import TrainingPage
from edgecnn.training.recipe import load_recipe
from edgecnn.training.summary import TrainSummary
from edgecnn.training.train import train_recipe
from edgecnn.training.watcher import Watcher, Watchers
from edgecnn.web.address import Address


@dataclass
class Running:
    """A training in a thread of its own, with its page."""

    page: TrainingPage
    folder: Path
    over: threading.Event
    thread: threading.Thread | None = None
    summaries: list[TrainSummary] = field(default_factory=list)
    errors: list[EdgeCNNError] = field(default_factory=list)

    def end(self) -> None:
        """End it before its time, as an error would."""
        self.over.set()
        self.page.controls.resume()
        assert self.thread is not None
        self.thread.join(240)
        assert not self.thread.is_alive()


class _Ends(Watcher):
    def __init__(
        self, over: threading.Event, pace_s: float, last: tuple[int, threading.Event] | None
    ) -> None:
        self._over = over
        self._pace_s = pace_s
        self._last, self._wanted = last or (0, over)

    def step(self, epoch: int, step: int, loss: float) -> None:
        if self._over.is_set():
            raise EdgeCNNError("enough of it")
        # Nobody could follow these trainings; a network of a useful size takes its time, too.
        time.sleep(self._pace_s)
        if epoch == self._last:
            assert self._wanted.wait(120)


@pytest.fixture
def training(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a training of a recipe file; it ends with the test."""
    running: list[Running] = []

    def start(
        recipe: Path | str,
        *overrides: str,
        pace_s: float = 0.0,
        folder: Path | None = None,
        resume: bool = False,
        last: tuple[int, threading.Event] | None = None,
    ) -> Running:
        """``last``: an epoch that ends no sooner than the test has seen what it wants to see."""
        resolved = load_recipe(recipe, overrides=overrides)
        page = TrainingPage(resolved, Address("127.0.0.1", 0))
        where = folder or tmp_path / f"run{len(running)}"
        each = Running(page, where, threading.Event())
        begun = threading.Event()

        def run() -> None:
            try:
                with page:
                    begun.set()
                    watcher = Watchers(_Ends(each.over, pace_s, last), page)
                    summary = train_recipe(
                        resolved, where, resume=resume, watcher=watcher, controls=page.controls
                    )
                    each.summaries.append(summary)
                    page.tell("accuracy measured")
            except EdgeCNNError as error:
                each.errors.append(error)

        each.thread = threading.Thread(target=run)
        each.thread.start()
        running.append(each)
        assert begun.wait(90)
        return each

    yield start
    for each in running:
        each.end()
