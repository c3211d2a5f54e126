"""A sink that works on its own thread, so that the pipeline need not wait for it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.watchdog import Watched

__all__ = ["Background"]


class Background(Sink):
    """Hands answers to another sink through a bounded queue.

    A full queue either loses its oldest answer, which is counted, or the pipeline waits for room.
    What goes wrong in the other sink is raised at the next call. When its ``write`` hangs, another
    one takes over, if it has one to offer (:meth:`~edgecnn.runtime.sinks.base.Sink.renew`).

    Parameters
    ----------
    sink : Sink
        Its ``write`` is called on a thread of its own, all else as usual.
    room : int
        Length of the queue.
    may_lose : bool, optional
        Whether answers may be lost; the default is yes while the source is live.
    name : str, optional
        What it is called in the summary; the default is the other sink's class, in lower case.
    drain_s : float, optional
        How long the other sink may take for what still waits at the end; what is left then is
        lost, and the sink is left to itself. The default is for ever.

    Attributes
    ----------
    lost : int
        Answers that the other sink never got.
    limit_s : float
        How long one write may take before it hangs.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        room: int = 8,
        may_lose: bool | None = None,
        name: str = "",
        drain_s: float | None = None,
    ) -> None:
        self._drain_s = drain_s
        self.name = name or type(sink).__name__.lower()
        self._room = room
        self._queue: deque[Answer] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._may_lose = may_lose
        self._error: Exception | None = None
        self._stream: StreamInfo | None = None
        self._worker = _Worker(self, sink)
        self._left_alone = False
        self.lost = 0
        self.limit_s = 10.0

    @property
    def sink(self) -> Sink:
        """The other sink, or what took its place."""
        return self._worker.sink

    @property
    def title(self) -> str:
        """Name it for people."""
        return f"sink {self.name}"

    @property
    def key(self) -> str:
        """Name it in the summary."""
        return self.name

    @property
    def busy_since(self) -> float | None:
        """Say since when the other sink has been at one answer."""
        return None if self._left_alone else self._worker.busy_since

    def open(self, stream: StreamInfo) -> None:
        """Open the other sink and start the thread."""
        if self._may_lose is None:
            self._may_lose = stream.live
        self._stream = stream
        self.limit_s = stream.stage_s
        self._worker.sink.open(stream)
        self._worker.start()

    def write(self, answer: Answer) -> None:
        """Queue an answer."""
        with self._changed:
            while len(self._queue) >= self._room and not self._may_lose and self._error is None:
                self._changed.wait()
            self._raise()
            if len(self._queue) >= self._room:
                self._queue.popleft()
                self.lost += 1
            self._queue.append(answer)
            self._changed.notify_all()

    def idle(self) -> None:
        """Raise what went wrong meanwhile."""
        with self._changed:
            self._raise()
        self._worker.sink.idle()

    def close(self, summary: Summary | None) -> None:
        """Let the queue run dry, then close the other sink.

        Raises
        ------
        EdgeCNNError
            It did not run dry in time, or hangs.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if not self._changed.wait_for(self._is_done, self._drain_s):
                raise self._given_up()
            if self._left_alone:
                self._raise()
                return
        self._worker.sink.close(summary)
        with self._changed:
            self._raise()

    def watched(self) -> Sequence[Watched]:
        """Return itself: its other sink may hang."""
        return (self,)

    def revive(self) -> bool:
        """Go on with the sink that the one that hangs has to offer, on another thread."""
        fresh = self._worker.sink.renew()
        if fresh is None:
            return False
        with self._changed:
            self.lost += 1
            self._worker = _Worker(self, fresh, self._stream)
            self._worker.start()
            self._changed.notify_all()
        return True

    def abandon(self, error: EdgeCNNError) -> None:
        """Leave the sink to itself; the pipeline's next call raises the error."""
        with self._changed:
            self._left_alone = True
            self._error = error
            self.lost += len(self._queue) + 1
            self._queue.clear()
            self._changed.notify_all()

    def _is_done(self) -> bool:
        # One that could not be opened has no thread.
        return self._left_alone or self._worker.done or self._worker.ident is None

    def _given_up(self) -> EdgeCNNError:
        left = len(self._queue) + 1
        self._queue.clear()
        self.lost += left
        return EdgeCNNError(
            f"{self.name} did not take its last answers within {self._drain_s:g} s: {left} lost"
        )

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def next_for(self, worker: _Worker) -> Answer | None:
        """Wait for the next answer; None when there is none for this thread any more."""
        with self._changed:
            while worker is self._worker and not self._queue and not self._closing:
                self._changed.wait()
            if worker is not self._worker or not self._queue:
                worker.finish()
                self._changed.notify_all()
                return None
            answer = self._queue.popleft()
            worker.busy_since = time.monotonic()
            self._changed.notify_all()
            return answer

    def failed(self, worker: _Worker, error: Exception) -> None:
        """Keep what went wrong for the pipeline's thread."""
        with self._changed:
            if worker is self._worker and not self._left_alone:
                self._error = error
                self._queue.clear()
            worker.finish()
            self._changed.notify_all()


class _Worker(threading.Thread):
    """Writes to a sink until there is nothing more, or another thread has taken over."""

    def __init__(self, owner: Background, sink: Sink, stream: StreamInfo | None = None) -> None:
        super().__init__(name=f"{type(sink).__name__} sink", daemon=True)
        self._owner = owner
        self._stream = stream
        self.sink = sink
        self.busy_since: float | None = None
        self.done = False
        if stream is not None:
            # Opening may hang as well.
            self.busy_since = time.monotonic()

    def finish(self) -> None:
        """Have nothing more to do."""
        self.done = True
        self.busy_since = None

    def run(self) -> None:
        try:
            if self._stream is not None:
                self.sink.open(self._stream)
                self.busy_since = None
            while (answer := self._owner.next_for(self)) is not None:
                self.sink.write(answer)
                self.busy_since = None
        except Exception as error:  # carried to the pipeline's thread, and raised there
            self._owner.failed(self, error)
        if self._owner._worker is not self:
            # It hung and came back: what it wrote may still be worth something.
            with contextlib.suppress(Exception):
                self.sink.close(None)
