"""How the benchmarks measure: everything in turns, medians with their spread, machine named."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from edgecnn.runtime.machine import describe_machine


@dataclass(frozen=True)
class Timing:
    """Seconds of several runs."""

    seconds: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """Median in milliseconds."""
        return float(np.median(self.seconds) * 1e3)

    @property
    def spread_ms(self) -> tuple[float, float]:
        """Tenth and ninetieth percentile in milliseconds."""
        low, high = np.percentile(self.seconds, [10, 90]) * 1e3
        return float(low), float(high)


def time_commands(
    commands: Mapping[str, Sequence[str]], *, runs: int, warm_up: int = 2
) -> dict[str, Timing]:
    """Time whole processes, from start to exit, in turns."""

    def runner(command: Sequence[str]) -> Callable[[], object]:
        return lambda: subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
        )

    calls = {name: runner(command) for name, command in commands.items()}
    return time_calls(calls, runs=runs, warm_up=warm_up)


def time_calls(
    calls: Mapping[str, Callable[[], object]],
    *,
    runs: int,
    warm_up: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time functions in turns: what slows the machine down slows all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warm_up + runs):
        for name, call in calls.items():
            start = clock()
            call()
            if turn >= warm_up:
                seconds[name].append(clock() - start)
    return {name: Timing(tuple(taken)) for name, taken in seconds.items()}


def print_heading(title: str) -> None:
    """Print a heading with the machine and the versions under it."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "onnxruntime"))
    print(f"\n## {title}\n\n{describe_machine()}, {packages}\n")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table; all columns but the first to the right."""
    print(f"| {' | '.join(header)} |")
    print(f"| --- |{' ---: |' * (len(header) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def milliseconds(timing: Timing) -> tuple[str, str]:
    """Return the two cells of a timing: median, and spread."""
    low, high = timing.spread_ms
    return f"{timing.median_ms:.4g}", f"{low:.4g} to {high:.4g}"
