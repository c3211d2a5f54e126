"""Telling people how a training goes: a bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import os
import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from edgecnn.training.fit_state import EpochResult, FitState
from edgecnn.training.watcher import Watcher

__all__ = [
    "LineWatcher",
    "TerminalWatcher",
    "describe_epoch",
    "make_bar",
    "make_watcher",
    "say_line",
    "stderr_console",
]

_REDRAW_S = 0.1


def make_watcher() -> Watcher:
    """Return the watcher that fits stderr."""
    return TerminalWatcher() if sys.stderr.isatty() else LineWatcher()


def describe_epoch(result: EpochResult, epochs: int, remaining_s: float) -> str:
    """Put an epoch into one line."""
    parts = [
        f"epoch {result.epoch:>{len(str(epochs))}}/{epochs}",
        *_measured(("loss", result.train_loss), ("accuracy", result.train_accuracy)),
        *_measured(
            ("validation loss", result.validation_loss),
            ("accuracy", result.validation_accuracy),
            ("macro-F1", result.validation_macro_f1),
            ("mAP@0.5", result.validation_map),
        ),
    ]
    parts += [f"rate {result.rate:.2g}", f"{result.seconds:.1f} s"]
    if result.epoch < epochs:
        parts.append(f"ETA {_clock(remaining_s)}")
    return "  ".join(parts)


def _measured(*values: tuple[str, float | None]) -> list[str]:
    return [f"{name} {value:.4f}" for name, value in values if value is not None]


def say_line(text: str) -> None:
    """Write a line to stderr, at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def stderr_console() -> Console:
    """Return stderr for bars; it has no colours where ``NO_COLOR`` asks for none."""
    no_color = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=True, no_color=no_color, highlight=False)


def make_bar(console: Console, *more: ProgressColumn) -> Progress:
    """Return a bar with what is done, how much of it and the time left; it goes at the end."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        *more,
        console=console,
        transient=True,
    )


class LineWatcher(Watcher):
    """Writes a plain line per epoch to stderr."""

    def __init__(self) -> None:
        self._epochs = 0

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._epochs = epochs
        say_line(f"epochs {first_epoch} to {epochs}, {steps} steps each")

    def epoch(self, state: FitState) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        say_line(describe_epoch(state.history[-1], self._epochs, _remaining(state, self._epochs)))


class TerminalWatcher(Watcher):
    """Draws a bar over all epochs on stderr, and a line above it for each that is done."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or stderr_console()
        self._bar = make_bar(self._console, TextColumn("{task.fields[rate]}"))
        self._task: TaskID | None = None
        self._epochs = self._steps = self._first = 0
        self._began = self._drawn = 0.0
        self._done = 0

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._first, self._epochs, self._steps = first_epoch, epochs, steps
        self._began = time.perf_counter()
        total = epochs - first_epoch + 1
        self._task = self._bar.add_task(f"epoch {first_epoch}/{epochs}", total=total, rate="")
        self._bar.start()

    def begin(self, epoch: int, steps: int) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._steps = steps

    def paused(self) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        if self._task is not None:
            self._bar.update(self._task, rate="paused")

    def step(self, epoch: int, step: int, loss: float) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._done += 1
        now = time.perf_counter()
        if self._task is None or now - self._drawn < _REDRAW_S:
            return
        self._drawn = now
        self._bar.update(
            self._task,
            completed=epoch - self._first + step / self._steps,
            description=f"epoch {epoch}/{self._epochs}  loss {loss:.4f}",
            rate=f"{self._done / (now - self._began):.1f} steps/s",
        )

    def epoch(self, state: FitState) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        line = describe_epoch(state.history[-1], self._epochs, _remaining(state, self._epochs))
        self._console.print(line, soft_wrap=True, highlight=False)

    def end(self) -> None:
        """See :class:`~edgecnn.training.watcher.Watcher`."""
        self._bar.stop()


def _remaining(state: FitState, epochs: int) -> float:
    recent = [result.seconds for result in state.history[-3:]]
    return sum(recent) / len(recent) * (epochs - state.epoch)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
