"""Latency, throughput and memory of a model file, configuration by configuration.

Each configuration has a process of its own, so that its peak memory is its own and no other
session's threads spin beside it. The processes take turns in short rounds: when the machine slows
down for a while, it slows all of them.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgecnn.bundled import resolve_model
from edgecnn.errors import UsageError
from edgecnn.runtime.bench_process import BenchProcess, Configuration
from edgecnn.runtime.machine import Machine, check_threads, describe_machine, usable_cpus

__all__ = ["BenchReport", "BenchRow", "bench_model"]


@dataclass(frozen=True)
class BenchRow:
    """What one configuration took.

    Attributes
    ----------
    provider, threads, batch
        The configuration; the provider is the one that ran.
    nodes_on_provider : str
        How many of the graph's nodes it got, as ``"12/12"``.
    latency_ms : dict
        ``p50`` and ``p95`` of one call.
    throughput_per_s : float
        Inputs a second: batch x calls / time.
    peak_rss_bytes : int
        Most memory that its process held: Python and ONNX Runtime included.
    open_ms, warm_up_ms : float
        Opening the session, and the first call; not part of the latency.
    calls : int
        How many calls were timed.
    """

    provider: str
    threads: int
    batch: int
    nodes_on_provider: str
    latency_ms: dict[str, float]
    throughput_per_s: float
    peak_rss_bytes: int
    open_ms: float
    warm_up_ms: float
    calls: int


@dataclass(frozen=True)
class BenchReport:
    """What was measured, of what and where."""

    model: str
    machine: Machine
    onnxruntime: str
    seconds: float
    rounds: int
    rows: tuple[BenchRow, ...]


def bench_model(
    path: str | os.PathLike[str],
    *,
    providers: Sequence[str] = ("auto",),
    threads: Sequence[int] = (),
    batches: Sequence[int] = (1,),
    seconds: float = 2.0,
    rounds: int = 5,
    on_round: Callable[[int], None] | None = None,
) -> BenchReport:
    """Measure a model file in every combination of providers, thread counts and batch sizes.

    Parameters
    ----------
    path : path
        The file, or ``bundled:NAME``; a file without a contract is fine.
    providers : sequence of str
    threads : sequence of int
        Threads per operator; empty: as many as there are CPUs to use.
    batches : sequence of int
    seconds : float
        How long each configuration is timed, over all rounds.
    rounds : int
        In how many turns.
    on_round : callable, optional
        Called with the number of turns done so far, for a progress bar.

    Raises
    ------
    MissingFileError, NotAModelError, ProviderError
        As for :func:`edgecnn.runtime.session.open_session`.
    ModelError
        The graph's input has a fixed batch, or an axis of no known length, or the batch does not
        fit into memory.
    UsageError
        A number that is not positive, or more threads than make sense here.

    Examples
    --------
    >>> report = bench_model("bundled:mnist-lenet5", batches=(1, 8), seconds=0.1, rounds=2)
    >>> [row.batch for row in report.rows]
    [1, 8]
    """
    if rounds < 1 or min((*threads, *batches), default=1) < 1 or not 0 < seconds < math.inf:
        raise UsageError("seconds, rounds, threads and batch sizes must be positive numbers")
    check_threads(max(threads, default=1))
    file = resolve_model(path)
    configurations = [
        Configuration(file, *combination)
        for combination in itertools.product(providers, threads or (usable_cpus(),), batches)
    ]
    workers: list[BenchProcess] = []
    times: list[list[int]] = [[] for _ in configurations]
    try:
        # One after the other: opening and warming up must not disturb each other either.
        workers.extend(BenchProcess(configuration) for configuration in configurations)
        for turn in range(rounds):
            for number, worker in enumerate(workers):
                times[number] += worker.run(seconds / rounds)
                if on_round is not None:
                    on_round(turn * len(workers) + number + 1)
        rows = tuple(_row(worker, taken) for worker, taken in zip(workers, times, strict=True))
    finally:
        for worker in workers:
            worker.stop()
    return BenchReport(
        str(file), describe_machine(), workers[0].opened.onnxruntime, seconds, rounds, rows
    )


def _row(worker: BenchProcess, times: list[int]) -> BenchRow:
    configuration, opened = worker.configuration, worker.opened
    p50, p95 = (float(value) for value in np.percentile(times, [50, 95]) / 1e6)
    return BenchRow(
        provider=opened.provider,
        threads=configuration.threads,
        batch=configuration.batch,
        nodes_on_provider=opened.nodes,
        latency_ms={"p50": p50, "p95": p95},
        throughput_per_s=configuration.batch * len(times) / (math.fsum(times) / 1e9),
        peak_rss_bytes=worker.peak_rss(),
        open_ms=opened.open_ms,
        warm_up_ms=opened.warm_up_ms,
        calls=len(times),
    )
