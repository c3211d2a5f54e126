"""One configuration of a measurement, in a process of its own."""

from __future__ import annotations

import contextlib
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from edgecnn.errors import EdgeCNNError, ModelError
from edgecnn.runtime.bench_inputs import bench_inputs
from edgecnn.runtime.machine import available_memory_bytes, data_bytes, peak_rss_bytes

__all__ = ["BenchProcess", "Configuration", "Opened"]

_WARM_UP_S = 0.2

#: Share of the free memory that a configuration may take; the rest keeps the machine going.
_MEMORY_SHARE = 0.9


@dataclass(frozen=True)
class Configuration:
    """What is measured: a file on a provider, with so many threads, in batches of a size."""

    path: Path
    provider: str
    threads: int
    batch: int


@dataclass(frozen=True)
class Opened:
    """What opening the file and warming up came to."""

    provider: str
    nodes: str
    onnxruntime: str
    open_ms: float
    warm_up_ms: float


class BenchProcess:
    """The process of one configuration, opened and warmed up.

    Attributes
    ----------
    configuration : Configuration
    opened : Opened

    Raises
    ------
    EdgeCNNError
        What went wrong in it; it has ended then.
    """

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        # Spawned, not forked: ONNX Runtime's threads do not survive a fork.
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, configuration), daemon=True
        )
        try:
            with _deaf_to_ctrl_c():
                self._process.start()
            theirs.close()
            self.opened: Opened = self._answer()
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
        """End the process. It writes nothing, so there is nothing to wait for."""
        self._pipe.close()
        if self._process.pid is not None:
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


@contextlib.contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let a process that is started meanwhile never hear Ctrl-C, and start it whole.

    A terminal sends Ctrl-C to the whole group, and the process that asks is the one to answer. The
    new process inherits that the signal is blocked. Here it is heard by other threads all the
    same, and must not leave a process behind that waits for its orders in vain.
    """
    # Started with the first process; it would unblock the signals again.
    resource_tracker.ensure_running()
    with _signals_later():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _signals_later() -> Iterator[None]:
    """Keep SIGINT and SIGTERM back until the end; they reach the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda which, frame: came.append(which))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _serve(pipe: Connection, configuration: Configuration) -> None:
    """Answer in the configuration's own process until the pipe closes."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            run, opened = _open(configuration)
        except EdgeCNNError as error:
            pipe.send(error)
            return
        pipe.send(opened)
        while True:
            seconds = pipe.recv()
            pipe.send(peak_rss_bytes() if seconds is None else _time_calls(run, seconds))


def _open(configuration: Configuration) -> tuple[Callable[[], object], Opened]:
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
    if placement.provider == "cpu":
        _limit_memory()

    def run() -> object:
        return session.run(None, inputs)

    try:
        inputs = bench_inputs(session, configuration.batch, shapes, source)
        (first,) = _time_calls(run, 0)
        _time_calls(run, _WARM_UP_S)
    except EdgeCNNError:
        raise
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        text = " ".join(str(error).split())
        # numpy's, std::bad_alloc, and ONNX Runtime's "Failed to allocate memory for ..."
        if isinstance(error, MemoryError) or "alloc" in text:
            raise ModelError(
                f"{source}: a batch of {configuration.batch} needs more memory than is free",
                hint="measure it with a smaller --batch",
            ) from error
        raise ModelError(
            f"{source} cannot run a batch of {configuration.batch}: {text[-300:]}"
        ) from error
    return run, Opened(
        placement.provider, placement.on_provider, onnxruntime.__version__, open_ms, first / 1e6
    )


def _limit_memory() -> None:
    """Let an allocation fail that would have the system kill something else."""
    free = available_memory_bytes()
    if free is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = data_bytes() + int(_MEMORY_SHARE * free)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


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
