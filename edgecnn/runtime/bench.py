"""Latency, throughput and memory of a model file, configuration by configuration.

Each configuration has a process of its own, so that its peak memory is its own and no other
session's threads spin beside it. The processes take turns in short rounds: when the machine slows
down for a while, it slows all of them.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.bundled import resolve_model
from edgecnn.errors import EdgeCNNError, ModelError, UsageError
from edgecnn.runtime.machine import Machine, describe_machine, peak_rss_bytes, usable_cpus

__all__ = ["BenchReport", "BenchRow", "bench_inputs", "bench_model"]

_WARM_UP_S = 0.2
_NUMPY_TYPE = {
    "float": np.float32,
    "float16": np.float16,
    "double": np.float64,
    "uint8": np.uint8,
    "int8": np.int8,
    "int32": np.int32,
    "int64": np.int64,
    "bool": np.bool_,
}


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


@dataclass(frozen=True)
class _Configuration:
    path: Path
    provider: str
    threads: int
    batch: int


@dataclass(frozen=True)
class _Opened:
    provider: str
    nodes: str
    onnxruntime: str
    open_ms: float
    warm_up_ms: float


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
        The graph's input has a fixed batch, or an axis of no known length.

    Examples
    --------
    >>> report = bench_model("bundled:mnist-lenet5", batches=(1, 8), seconds=0.1, rounds=2)
    >>> [row.batch for row in report.rows]
    [1, 8]
    """
    if seconds <= 0 or rounds < 1 or min((*threads, *batches), default=1) < 1:
        raise UsageError("seconds, rounds, threads and batch sizes must be positive")
    file = resolve_model(path)
    configurations = [
        _Configuration(file, *combination)
        for combination in itertools.product(providers, threads or (usable_cpus(),), batches)
    ]
    workers: list[_Worker] = []
    times: list[list[int]] = [[] for _ in configurations]
    try:
        # One after the other: opening and warming up must not disturb each other either.
        workers.extend(_Worker(configuration) for configuration in configurations)
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


def bench_inputs(
    session: Any,
    batch: int,
    shapes: dict[str, tuple[int, ...]],
    source: str,
) -> dict[str, NDArray[Any]]:
    """Make random inputs that fit a session: standard normal, integers 0.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    batch : int
    shapes : dict
        Shapes without the batch axis, from the contract, for axes that the graph leaves open.
    source : str
        Name of the file, for the error's text.
    """
    random = np.random.default_rng(0)
    inputs: dict[str, NDArray[Any]] = {}
    for item in session.get_inputs():
        axes = list(item.shape)
        if axes and isinstance(axes[0], int) and axes[0] != batch:
            raise ModelError(
                f"{source} is made for batches of {axes[0]}, not {batch}",
                hint=f"measure it with --batch {axes[0]}",
            )
        known = shapes.get(item.name, ())
        shape = [batch, *(known if len(known) == len(axes) - 1 else axes[1:])] if axes else []
        if not all(isinstance(length, int) for length in shape):
            raise ModelError(
                f"{source}: input {item.name} has axes of no known length: {axes}",
                hint="export it with fixed axes, or with a contract",
            )
        kind = _NUMPY_TYPE.get(item.type.removeprefix("tensor(").removesuffix(")"))
        if kind is None:
            raise ModelError(f"{source}: input {item.name} is {item.type}, not numbers")
        values = random.standard_normal(shape)
        inputs[item.name] = (values if np.issubdtype(kind, np.floating) else values * 0).astype(
            kind
        )
    return inputs


class _Worker:
    """The process of one configuration, opened and warmed up."""

    def __init__(self, configuration: _Configuration) -> None:
        self.configuration = configuration
        # Spawned, not forked: ONNX Runtime's threads do not survive a fork.
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, configuration), daemon=True
        )
        self._process.start()
        theirs.close()
        try:
            self.opened: _Opened = self._answer()
        except BaseException:
            self.stop()
            raise

    def run(self, seconds: float) -> list[int]:
        """Run for so long; return the nanoseconds of each call."""
        self._pipe.send(seconds)
        times: list[int] = self._answer()
        return times

    def peak_rss(self) -> int:
        """Return the most bytes that the process has held."""
        self._pipe.send(None)
        peak: int = self._answer()
        return peak

    def stop(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    def _answer(self) -> Any:
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise ModelError(
                f"{self.configuration.path}: ONNX Runtime ended its process",
                hint="is there memory enough for this batch size?",
            ) from None
        if isinstance(answer, EdgeCNNError):
            raise answer
        return answer


def _row(worker: _Worker, times: list[int]) -> BenchRow:
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


def _serve(pipe: Connection, configuration: _Configuration) -> None:
    """Answer in the configuration's own process until the pipe closes."""
    import signal

    # Ctrl-C reaches the whole group; the process that asks is the one to answer it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run, opened = _open(configuration)
    except EdgeCNNError as error:
        pipe.send(error)
        return
    pipe.send(opened)
    while True:
        try:
            seconds = pipe.recv()
        except EOFError:
            return
        if seconds is None:
            pipe.send(peak_rss_bytes())
        else:
            pipe.send(_time_calls(run, seconds))


def _open(configuration: _Configuration) -> tuple[Callable[[], object], _Opened]:
    import onnxruntime

    from edgecnn.errors import MetadataError
    from edgecnn.metadata import from_properties
    from edgecnn.runtime.session import open_session

    start = time.perf_counter_ns()
    session, placement = open_session(
        configuration.path, provider=configuration.provider, threads=configuration.threads
    )
    open_ms = (time.perf_counter_ns() - start) / 1e6
    source = str(configuration.path)
    try:
        metadata, _, _ = from_properties(session.get_modelmeta().custom_metadata_map, source)
        shapes = metadata.input.tensors
    except MetadataError:
        shapes = {}
    inputs = bench_inputs(session, configuration.batch, shapes, source)

    def run() -> object:
        return session.run(None, inputs)

    try:
        (first,) = _time_calls(run, 0)
    except Exception as error:
        text = " ".join(str(error).split())
        raise ModelError(f"{source} cannot run a batch of {configuration.batch}: {text}") from error
    _time_calls(run, _WARM_UP_S)
    return run, _Opened(
        placement.provider, placement.on_provider, onnxruntime.__version__, open_ms, first / 1e6
    )


def _time_calls(run: Callable[[], object], seconds: float) -> list[int]:
    """Call for so long, at least once; return the nanoseconds of each call."""
    times = []
    clock = time.perf_counter_ns
    end = clock() + round(seconds * 1e9)
    while True:
        start = clock()
        run()
        now = clock()
        times.append(now - start)
        if now >= end:
            return times
