"""Records handed to workers in groups, few enough at a time, each once; a lost group is done again.

A task costs its scheduler some milliseconds, so that thousands of small files go in groups of a
second's work each. Which records share a group makes no difference to the results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol

from edgecnn.ecg.engines.worker import GroupResult
from edgecnn.ecg.record_files import Problem, RecordFile
from edgecnn.ecg.score_file import Job, Scored
from edgecnn.errors import EdgeCNNError, RecordError

__all__ = ["Engine", "Outcome", "run_groups"]

Outcome = Scored | Problem

#: Groups for each worker that are handed out: one being worked on, one waiting for it.
_AHEAD = 2
#: So many workers lost one after the other, and not one answer: it is not the records.
_DEATHS = 3
#: A group grows by no more than this at once: the first records may have been short ones.
_GROWTH = 4


class Engine(Protocol):
    """Runs calls in other processes.

    Attributes
    ----------
    lost : tuple of exception types
        What a call ends with whose process died.
    group_s : float
        Work of a group, in seconds.
    """

    lost: tuple[type[BaseException], ...]
    group_s: float

    def slots(self) -> int:
        """Return how many calls run at once."""
        ...

    def submit(self, files: Sequence[RecordFile], job: Job) -> Future[GroupResult]:
        """Hand a group out to be scored."""
        ...

    def renew(self) -> None:
        """Replace what died; called when no call is running."""
        ...


class _Size:
    """How many records make a group."""

    def __init__(self, group_s: float) -> None:
        self._group_s = group_s
        self._seconds = self._records = 0.0
        self._last = 1

    def seen(self, records: int, seconds: float) -> None:
        # Half of what is known is recent: the files of a folder may change in kind.
        self._seconds = self._seconds / 2 + seconds
        self._records = self._records / 2 + records

    def next(self, left: int, slots: int) -> int:
        wanted = 1
        if self._records:
            each = self._seconds / self._records
            wanted = math.ceil(self._group_s / max(each, 1e-6))
        # At the end, all workers are to finish together.
        fair = math.ceil(left / (_AHEAD * slots))
        self._last = max(1, min(wanted, fair, self._last * _GROWTH))
        return self._last


def run_groups(
    files: Sequence[RecordFile], job: Job, engine: Engine
) -> Iterator[tuple[int, Outcome]]:
    """Yield the place of each record and what it came to, as they are done.

    A worker that dies takes its group with it: the records of the group are handed out again one
    by one, and one that ends its worker again is a problem of its own.

    Raises
    ------
    EdgeCNNError
        The results cannot be written.
    """
    size = _Size(engine.group_s)
    running: dict[Future[GroupResult], range] = {}
    lost: list[int] = []
    ahead = deaths = 0
    answered = False
    while ahead < len(files) or running or lost:
        slots = max(1, engine.slots())
        while not lost and ahead < len(files) and len(running) < _AHEAD * slots:
            group = range(ahead, ahead + size.next(len(files) - ahead, slots))
            ahead = group.stop
            running[engine.submit([files[place] for place in group], job)] = group
        if running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                group = running.pop(future)
                try:
                    result = future.result()
                except engine.lost:
                    lost += group
                    continue
                answered = True
                size.seen(len(group), result.seconds)
                yield from zip(group, result.outcomes, strict=True)
            continue
        # Nothing is running any more: what is lost is tried by itself.
        engine.renew()
        for place in sorted(lost):
            try:
                outcome = engine.submit([files[place]], job).result().outcomes[0]
                answered = True
            except engine.lost:
                deaths += 1
                if deaths >= _DEATHS and not answered:
                    raise EdgeCNNError(
                        "the processes that are to score the records end as soon as they begin",
                        hint="is there too little memory? without --workers it may tell more",
                    ) from None
                engine.renew()
                outcome = _ended(files[place])
            yield place, outcome
        lost.clear()


def _ended(file: RecordFile) -> Problem:
    cause = RecordError(
        f"{file.path} ended the process that scored it",
        hint="was there too little memory for it? the system's log may tell",
    )
    return Problem(str(file.path), cause)
