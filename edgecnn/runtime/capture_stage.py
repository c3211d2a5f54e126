"""The stage that captures: a source, the thread that reads it, and who takes over if it hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from edgecnn.errors import EdgeCNNError, SourceError
from edgecnn.runtime.capture_thread import CaptureThread
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.intake import Intake
from edgecnn.runtime.ledger import Ledger
from edgecnn.runtime.mailbox import Mailbox
from edgecnn.runtime.sources.base import Reopens, Source
from edgecnn.runtime.sources.settings import SourceSettings

__all__ = ["CaptureStage"]


class CaptureStage:
    """Reads a source into a mailbox, on one thread after the other.

    Parameters
    ----------
    source : Source
        Not yet opened.
    ledger : Ledger
    limit : int, optional
        How many frames are wanted of a source of which every one counts.
    stall_s : float
        A live source that gives nothing for so long hangs.
    open_s : float
        The same for opening it.
    renew : callable, optional
        Makes the source once more, not yet opened: the one that hangs cannot be used from another
        thread. Only a live source is renewed; a file would begin anew.
    settings : SourceSettings, optional
        Which frames are answered.
    arrived : threading.Event, optional
        Set when a frame comes: for who waits for several sources.
    ahead : callable, optional
        Prepares a frame for its turn, while others wait for theirs.

    Attributes
    ----------
    mailbox : Mailbox
    opened, over, begun : threading.Event
        The source is open, and has given its last frame; frames are wanted.
    number : int
        Of the next frame.
    """

    key = "capture"

    def __init__(
        self,
        source: Source,
        ledger: Ledger,
        *,
        limit: int | None,
        stall_s: float,
        open_s: float,
        renew: Callable[[], Source] | None = None,
        settings: SourceSettings | None = None,
        arrived: threading.Event | None = None,
        ahead: Callable[[Frame], Frame] = lambda frame: frame,
    ) -> None:
        self._arrived = arrived
        self._ahead = ahead
        settings = settings or SourceSettings()
        self._policy = settings.policy
        self._intake = Intake(stride=settings.stride, max_fps=settings.max_fps)
        self._ledger = ledger
        self._limit = limit
        self._stall_s = stall_s
        self._open_s = open_s
        self._renew = renew
        self._lock = threading.Lock()
        self._unwanted = threading.Event()
        self._error: BaseException | None = None
        self._thread = CaptureThread(source, self, limit=limit)
        self._duplicates = 0
        self._not_before = 0.0
        self.mailbox = Mailbox(ledger, newest=True, arrived=arrived)
        self.opened = threading.Event()
        self.over = threading.Event()
        self.begun = threading.Event()
        self.number = 0

    @property
    def source(self) -> Source:
        """The source that is being read."""
        return self._thread.source

    @property
    def duplicates(self) -> int:
        """Frames of a live source that equal the one before."""
        return self._duplicates + self._thread.duplicates

    @property
    def title(self) -> str:
        """Name it for people."""
        return self.source.description

    @property
    def reopening(self) -> bool:
        """Whether the source was lost, and is being opened again."""
        source = self.source
        return isinstance(source, Reopens) and source.reopening

    @property
    def limit_s(self) -> float:
        """Say how long it may wait for its source."""
        return self._open_s if self._thread.opening else self._stall_s

    @property
    def busy_since(self) -> float | None:
        """Say since when it has waited for its source."""
        since = self._thread.busy_since
        if self.reopening:
            # It waits on purpose, and says itself when it gives up.
            self._not_before = time.monotonic()
            return None
        if since is None or self.over.is_set():
            return None
        return max(since, self._not_before)

    @property
    def stages(self) -> tuple[CaptureStage, ...]:
        """Itself alone: :class:`~edgecnn.runtime.capture_group.CaptureGroup` has several."""
        return (self,)

    @property
    def names(self) -> tuple[str, ...]:
        """No names are needed to tell one source from itself."""
        return ()

    def ledger_of(self, frame: Frame) -> Ledger:
        """Return where it is counted what becomes of a frame."""
        return self._ledger

    def also(self, first: Frame, most: int) -> list[Frame]:
        """Take no further frame: there are no other sources."""
        return []

    def mosaic(self) -> None:
        """One picture needs none."""

    def account(self) -> dict[str, dict[str, int]]:
        """Return no ledgers besides the stream's own."""
        return {}

    def start(self) -> None:
        """Open the source."""
        self._thread.start()

    def begin(self) -> None:
        """Start to read; until then the source is open only."""
        self.begun.set()

    def check(self) -> None:
        """Raise what went wrong with the source."""
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Stop reading, and wait a little for the source to be closed."""
        with self._lock:
            self._unwanted.set()
            thread = self._thread
        if isinstance(thread.source, Reopens):
            thread.source.interrupt()
        self.mailbox.close()
        self.begun.set()
        if not isinstance(self._error, _HangingError):
            thread.end()

    def revive(self) -> bool:
        """Read a source of the same kind on another thread."""
        with self._lock:
            if (
                self._renew is None
                or self._unwanted.is_set()
                or not (self.source.live and self.begun.is_set())
            ):
                return False
            self._duplicates += self._thread.duplicates
            self._thread = CaptureThread(self._renew(), self, limit=self._limit, again=True)
            self._thread.start()
            return True

    def abandon(self, error: EdgeCNNError) -> None:
        """Let the stream end."""
        opening, limit_s = self._thread.opening, self.limit_s
        what = "did not open within" if opening else "stalled: no frame for"
        # Of what the watchdog says, only the end tells more; a title may have a semicolon, too.
        _, given_up, after = error.message.rpartition("; given up after ")
        message = f"{self.title} {what} {limit_s:g} s{given_up}{after if given_up else ''}"
        hint = "is it still connected, and is the network up?"
        self._finish(_HangingError(message, hint=hint))

    def is_current(self, thread: CaptureThread) -> bool:
        """Tell whether this thread was not replaced."""
        return thread is self._thread

    def wants(self, thread: CaptureThread) -> bool:
        """Tell whether this thread should read on."""
        return thread is self._thread and not self._unwanted.is_set()

    def takes(self, frame: Frame, *, waits: bool) -> bool:
        """Tell whether a frame is to be answered; one that is not has been counted."""
        if self._intake.takes(frame, waits=waits):
            return True
        self._ledger.skip()
        return False

    def prepared(self, frame: Frame) -> Frame:
        """Return the frame, prepared for its turn as far as that is possible."""
        return self._ahead(frame)

    def rest(self) -> None:
        """Wait until the next frame of a source that waits may be taken."""
        self._unwanted.wait(self._intake.wait_s())

    def opened_by(self, thread: CaptureThread) -> Mailbox | None:
        """Take note that the source is open; None for a thread that was replaced."""
        with self._lock:
            if thread is not self._thread:
                return None
            if not self.opened.is_set():
                self.mailbox = Mailbox(
                    self._ledger, newest=self._newest(thread.source), arrived=self._arrived
                )
                self.opened.set()
            return self.mailbox

    def ended_by(self, thread: CaptureThread, error: BaseException | None) -> None:
        """Take note that there is nothing more to read, and why."""
        with self._lock:
            if thread is not self._thread:
                return
        self._finish(error)

    def _newest(self, source: Source) -> bool:
        return source.live if self._policy == "auto" else self._policy == "newest"

    def _finish(self, error: BaseException | None) -> None:
        self._error = self._error or error
        self.over.set()
        self.opened.set()
        self.mailbox.wake()


class _HangingError(SourceError):
    """The source's thread is stuck: there is no use in waiting for it."""
