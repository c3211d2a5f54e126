"""How long two files take, measured in turns so that both meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Comparison", "compare_latency"]

_ROUND_S = 0.01
_LEAST_ROUNDS = 10


@dataclass(frozen=True)
class Comparison:
    """Milliseconds per call of two things, and how many times faster the second is.

    Attributes
    ----------
    first_ms, second_ms : tuple of float
        Median and 95th percentile.
    speedup : float
        Median over the rounds of first ÷ second.
    speedup_range : tuple of float
        Its quartiles over the rounds: what another run may well show.
    """

    first_ms: tuple[float, float]
    second_ms: tuple[float, float]
    speedup: float
    speedup_range: tuple[float, float]


def compare_latency(
    first: Callable[[], object], second: Callable[[], object], *, seconds: float = 2.0
) -> Comparison:
    """Time two calls in turns.

    A machine that clocks down, or is shared, slows whatever happens to run then; by turns of some
    ten milliseconds it slows both.

    Parameters
    ----------
    first, second : callable
    seconds : float
        Time to spend; at least ten rounds are run.

    Examples
    --------
    >>> compare_latency(lambda: sum(range(5000)), lambda: sum(range(100)), seconds=0.1).speedup > 1
    True
    """
    calls = [_calls_per_round(call) for call in (first, second)]
    times: tuple[list[float], list[float]] = ([], [])
    ratios: list[float] = []
    stop = time.perf_counter() + seconds
    while len(ratios) < _LEAST_ROUNDS or time.perf_counter() < stop:
        medians = []
        for call, count, taken in zip((first, second), calls, times, strict=True):
            now = [_timed(call) for _ in range(count)]
            taken.extend(now)
            medians.append(float(np.median(now)))
        ratios.append(medians[0] / medians[1])
    quartiles = np.percentile(ratios, [25, 75])
    return Comparison(
        first_ms=_summary(times[0]),
        second_ms=_summary(times[1]),
        speedup=float(np.median(ratios)),
        speedup_range=(float(quartiles[0]), float(quartiles[1])),
    )


def _calls_per_round(call: Callable[[], object]) -> int:
    """Warm up, and find how many calls fill a round."""
    taken = min(_timed(call) for _ in range(4))
    return int(np.clip(_ROUND_S / max(taken, 1e-7), 1, 200))


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _summary(seconds: list[float]) -> tuple[float, float]:
    median, high = np.percentile(seconds, [50, 95]) * 1e3
    return (float(median), float(high))
