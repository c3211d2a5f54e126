"""Processes on this machine, each with a session of one thread."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait

from edgecnn.ecg.engines.worker import GroupResult, ModelSource, open_model, score_group
from edgecnn.ecg.record_files import RecordFile
from edgecnn.ecg.score_file import Job

__all__ = ["ProcessPool", "open_pool"]


class ProcessPool:
    """An :class:`~edgecnn.ecg.engines.groups.Engine` of processes.

    Parameters
    ----------
    workers : int
    sources : sequence of ModelSource
        Models that are opened once in each.
    """

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)
    group_s = 0.25

    def __init__(self, workers: int, sources: Sequence[ModelSource]) -> None:
        self._workers, self._sources = workers, tuple(sources)
        self._pool = self._start()

    def slots(self) -> int:
        """Return the number of processes."""
        return self._workers

    def submit(self, files: Sequence[RecordFile], job: Job) -> Future[GroupResult]:
        """Hand a group out to be scored."""
        try:
            return self._pool.submit(score_group, files, job)
        except BrokenProcessPool as error:
            # It died since the last answer: as if it had with this group.
            failed: Future[GroupResult] = Future()
            failed.set_exception(error)
            return failed

    def renew(self) -> None:
        """Start new processes."""
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._start()

    def close(self, *, at_once: bool) -> None:
        """End the processes; ``at_once`` without waiting for what they do."""
        if at_once:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
        self._pool.shutdown(cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        # A fork would copy threads' locks without the threads.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(
            self._workers, mp_context=context, initializer=_begin, initargs=(self._sources,)
        )


@contextmanager
def open_pool(workers: int, sources: Sequence[ModelSource]) -> Iterator[ProcessPool]:
    """Start processes, and end them when the block ends; at once, if by an exception."""
    pool = ProcessPool(workers, sources)
    finished = False
    try:
        yield pool
        finished = True
    finally:
        pool.close(at_once=not finished)


def _begin(sources: Sequence[ModelSource]) -> None:
    """Make a new process ready."""
    # Ctrl-C reaches all processes of a terminal; the one that started the others ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    for source in sources:
        open_model(source)


def _end_with(sentinel: int) -> None:
    """End as soon as the process that started this one is gone, even if it was killed."""
    wait([sentinel])
    os._exit(1)
