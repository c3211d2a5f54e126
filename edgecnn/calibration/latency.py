"""How long two files take, measured in turns so that both meet the same machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Comparison", "compare_latency", "median_interval"]

_ROUND_S = 0.01
_LEAST_ROUNDS = 10

#: A speed-up that counts as slower: what is lost is more than another run may give back.
_CLEARLY = 0.97


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
    interval_95 : tuple of float
        Where the median over ever more rounds would lie (:func:`median_interval`).
    """

    first_ms: tuple[float, float]
    second_ms: tuple[float, float]
    speedup: float
    speedup_range: tuple[float, float]
    interval_95: tuple[float, float] = (0.0, math.inf)

    @property
    def clearly_slower(self) -> bool:
        """Whether the second is slower beyond doubt.

        The interval of the median lies below 1 by more than a few percent, and so do three quarters
        of the rounds: on a busy machine a single round says nothing.
        """
        return self.interval_95[1] < _CLEARLY and self.speedup_range[1] < 1


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
        interval_95=median_interval(ratios),
    )


def median_interval(values: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval of the median that assumes nothing about how values are distributed.

    Between two of the ordered values, by the binomial distribution (sign test): how many values
    fall below the median is a coin thrown as often.

    Parameters
    ----------
    values : sequence of float
        With fewer than six, no interval has the confidence of 95 %: smallest and largest are given.

    Examples
    --------
    >>> median_interval([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    (2.0, 9.0)
    """
    ordered = sorted(float(value) for value in values)
    n = len(ordered)
    tail, outside = 0.0, 0
    for k in range(n // 2):
        tail += math.comb(n, k) / 2**n
        if 2 * tail > 1 - confidence:
            break
        outside = k + 1
    place = max(outside - 1, 0)
    return (ordered[place], ordered[n - 1 - place])


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
