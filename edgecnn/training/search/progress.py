"""Telling people how a search goes: a bar on a terminal, a line per trial everywhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.progress import Progress

from edgecnn.training.progress import make_bar, say_line, stderr_console
from edgecnn.training.search.record import Trial, shown
from edgecnn.training.search.space import Value
from edgecnn.training.watcher import Watcher

__all__ = ["LineObserver", "Observer", "TerminalObserver", "describe_trial", "make_observer"]


class Observer:
    """Is told how a search goes. This one says nothing."""

    def begin(self, done: int, total: int) -> None:
        """Take note that so many trials of all are done already."""

    def trial(self, number: int, values: dict[str, Value]) -> Watcher | None:
        """Take note that a trial begins; return what watches its training."""

    def done(self, trial: Trial, best: Trial | None) -> None:
        """Take note of a trial that is done, and of the best so far."""

    def end(self) -> None:
        """Take note that no more trials come."""


def make_observer() -> Observer:
    """Return the observer that fits stderr."""
    return TerminalObserver() if sys.stderr.isatty() else LineObserver()


def describe_trial(trial: Trial, total: int, best: Trial | None) -> str:
    """Put a trial into one line."""
    parts = [f"trial {trial.number:>{len(str(total))}}/{total}", _values(trial.values)]
    if trial.score is None:
        epochs = f" after epoch {len(trial.history)}" if trial.history else ""
        parts.append(f"{trial.outcome}{epochs}: {trial.note}")
    else:
        parts.append(f"{trial.score:.4f}")
    if best is not None:
        same = best.number == trial.number
        parts.append("best yet" if same else f"best {best.score:.4f} (trial {best.number})")
    return "  ".join([*parts, f"{trial.seconds:.1f} s"])


class LineObserver(Observer):
    """Writes a plain line per trial to stderr."""

    def __init__(self) -> None:
        self._total = 0

    def begin(self, done: int, total: int) -> None:
        """See :class:`Observer`."""
        self._total = total
        say_line(f"{total} trials, {min(done, total)} of them done" if done else f"{total} trials")

    def done(self, trial: Trial, best: Trial | None) -> None:
        """See :class:`Observer`."""
        say_line(describe_trial(trial, self._total, best))


class TerminalObserver(Observer):
    """Draws a bar over all trials on stderr, and a line above it for each that is done."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or stderr_console()
        self._bar = make_bar(self._console)
        self._task = self._bar.add_task("trials")
        self._total = 0

    def begin(self, done: int, total: int) -> None:
        """See :class:`Observer`."""
        self._total = total
        self._bar.update(self._task, total=total, completed=done)
        self._bar.start()

    def trial(self, number: int, values: Mapping[str, Value]) -> Watcher:
        """See :class:`Observer`."""
        name = f"trial {number}/{self._total}"
        self._bar.update(self._task, completed=number - 1, description=name)
        return _BarWatcher(self._bar, name, number - 1)

    def done(self, trial: Trial, best: Trial | None) -> None:
        """See :class:`Observer`."""
        line = describe_trial(trial, self._total, best)
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)
        self._bar.update(self._task, completed=trial.number)

    def end(self) -> None:
        """See :class:`Observer`."""
        self._bar.stop()


class _BarWatcher(Watcher):
    """Moves the bar of all trials on within one."""

    def __init__(self, bar: Progress, name: str, done: int) -> None:
        self._bar = bar
        self._name = name
        self._done = done
        self._epochs = self._steps = 1

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        self._epochs, self._steps = epochs, steps

    def step(self, epoch: int, step: int, loss: float) -> None:
        share = (epoch - 1 + step / self._steps) / self._epochs
        self._bar.update(
            self._bar.task_ids[0],
            completed=self._done + share,
            description=f"{self._name}  epoch {epoch}/{self._epochs}  loss {loss:.4f}",
        )


def _values(values: Mapping[str, Value]) -> str:
    return " ".join(f"{key}={shown(value)}" for key, value in values.items())
