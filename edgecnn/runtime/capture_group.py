"""Several sources at once: each is captured by itself, and they take turns."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Sequence

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.capture_stage import CaptureStage
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.ledger import Ledger
from edgecnn.runtime.mosaic import Mosaic
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.naming import distinct_names
from edgecnn.runtime.sources.settings import SourceSettings

__all__ = ["CaptureGroup", "start_capture"]


class CaptureGroup:
    """Looks to the pipeline like one stage.

    Each source has a name of its own, which its frames bear. One that fails while the others go on
    is told, and is an error at the end only.

    Parameters
    ----------
    stages : sequence of CaptureStage
    ledgers : sequence of Ledger
        What becomes of the frames of each.
    arrived : threading.Event
        Set by every mailbox of the stages when a frame comes.
    say : callable
        Hears of a source that ended with an error.
    """

    def __init__(
        self,
        stages: Sequence[CaptureStage],
        ledgers: Sequence[Ledger],
        arrived: threading.Event,
        say: Callable[[str], None],
    ) -> None:
        self.stages = tuple(stages)
        self._ledgers = tuple(ledgers)
        self._arrived = arrived
        self._say = say
        self._names: tuple[str, ...] = ()
        self._next = 0
        self._told: set[int] = set()
        self.opened = _All([stage.opened for stage in self.stages])
        self.over = _All([stage.over for stage in self.stages])
        # The stream sees one mailbox: this object's own `get`.
        self.mailbox = self

    @property
    def source(self) -> CaptureGroup:
        """All of them, as one source."""
        return self

    @property
    def description(self) -> str:
        """Name all of them."""
        return f"{len(self.stages)} sources: {'; '.join(s.title for s in self.stages)}"

    @property
    def live(self) -> bool:
        """Tell whether any of them goes on regardless."""
        return any(stage.source.live for stage in self.stages)

    @property
    def fps(self) -> float | None:
        """State the rate of the fastest."""
        return max((s.source.fps for s in self.stages if s.source.fps), default=None)

    @property
    def reconnects(self) -> int:
        """Count how often any was opened again."""
        return sum(getattr(stage.source, "reconnects", 0) for stage in self.stages)

    @property
    def duplicates(self) -> int:
        """Count frames that equal the one before of their source."""
        return sum(stage.duplicates for stage in self.stages)

    @property
    def reopening(self) -> bool:
        """Tell whether all that are not over are lost at the moment."""
        left = [stage for stage in self.stages if not stage.over.is_set()]
        return bool(left) and all(stage.reopening for stage in left)

    @property
    def names(self) -> tuple[str, ...]:
        """What their frames are called by: no two the same."""
        if not self._names:
            self._names = distinct_names(stage.title for stage in self.stages)
        return self._names

    def ledger_of(self, frame: Frame) -> Ledger:
        """Return where it is counted what becomes of a frame."""
        return self._ledgers[self.names.index(frame.source)]

    def account(self) -> dict[str, dict[str, int]]:
        """Return the ledger of each source, by its name."""
        pairs = zip(self.names, self._ledgers, strict=True)
        return {name: dataclasses.asdict(ledger.counts()) for name, ledger in pairs}

    def mosaic(self) -> Mosaic:
        """Make what shows their pictures side by side."""
        return Mosaic(self.names)

    def start(self) -> None:
        """Open all of them."""
        for stage in self.stages:
            stage.start()

    def begin(self) -> None:
        """Start to read."""
        for stage in self.stages:
            stage.begin()

    def check(self) -> None:
        """Raise what went wrong with the first of them that it did with."""
        for stage in self.stages:
            stage.check()

    def end(self) -> None:
        """Stop reading."""
        ending = [threading.Thread(target=stage.end) for stage in self.stages]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()

    def get(self, timeout_s: float) -> Frame | None:
        """Take a frame of the source whose turn it is, or of the next that has one."""
        limit = time.monotonic() + timeout_s
        while True:
            self._arrived.clear()
            frame = self._take(range(len(self.stages)))
            if frame is not None:
                return frame
            self._tell_of_errors()
            if not self._arrived.wait(max(0.0, limit - time.monotonic())):
                return None

    def also(self, first: Frame, most: int) -> list[Frame]:
        """Take a frame of each other source that has one now, up to ``most``."""
        taken = {self.names.index(first.source)}
        frames: list[Frame] = []
        while len(frames) < most:
            frame = self._take([i for i in range(len(self.stages)) if i not in taken])
            if frame is None:
                break
            taken.add(self.names.index(frame.source))
            frames.append(frame)
        return frames

    def _take(self, among: Sequence[int]) -> Frame | None:
        """Take a frame of the first that has one, from the one whose turn it is on."""
        count = len(self.stages)
        for index in sorted(among, key=lambda i: (i - self._next) % count):
            frame = self.stages[index].mailbox.get(0)
            if frame is not None:
                self._next = (index + 1) % count
                return dataclasses.replace(frame, source=self.names[index])
        return None

    def _tell_of_errors(self) -> None:
        if self.over.is_set():
            return
        for index, stage in enumerate(self.stages):
            if index in self._told or not stage.over.is_set():
                continue
            self._told.add(index)
            try:
                stage.check()
            except EdgeCNNError as error:
                self._say(f"{error.message}; the other sources go on")


def start_capture(
    source: Source | Sequence[Source],
    ledger: Ledger,
    renew: Callable[[], Source] | Sequence[Callable[[], Source]] | None,
    say: Callable[[str], None],
    *,
    limit: int | None,
    stall_s: float,
    open_s: float,
    settings: SourceSettings | None,
    ahead: Callable[[Frame], Frame],
) -> CaptureStage | CaptureGroup:
    """Return what captures a source, or several; not yet started.

    The parameters are those of :class:`~edgecnn.runtime.capture_stage.CaptureStage`.
    """
    arrived = threading.Event()

    def make(
        source: Source,
        ledger: Ledger,
        renew: Callable[[], Source] | None,
        arrived: threading.Event | None = None,
    ) -> CaptureStage:
        return CaptureStage(
            source,
            ledger,
            limit=limit,
            stall_s=stall_s,
            open_s=open_s,
            renew=renew,
            settings=settings,
            arrived=arrived,
            ahead=ahead,
        )

    if not isinstance(source, Sequence):
        assert renew is None or not isinstance(renew, Sequence)
        return make(source, ledger, renew)
    assert renew is None or isinstance(renew, Sequence)
    renewing: Sequence[Callable[[], Source] | None] = renew or [None] * len(source)
    ledgers = [Ledger(ledger) for _ in source]
    stages = [
        make(one, own, again, arrived)
        for one, own, again in zip(source, ledgers, renewing, strict=True)
    ]
    return CaptureGroup(stages, ledgers, arrived, say)


class _All:
    """Events that are waited for together."""

    def __init__(self, events: Sequence[threading.Event]) -> None:
        self._events = tuple(events)

    def is_set(self) -> bool:
        """Tell whether all are set."""
        return all(event.is_set() for event in self._events)

    def wait(self, timeout_s: float) -> bool:
        """Wait until all are set; False when the time is up before."""
        limit = time.monotonic() + timeout_s
        return all(event.wait(max(0.0, limit - time.monotonic())) for event in self._events)
