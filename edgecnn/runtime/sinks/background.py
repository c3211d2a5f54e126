"""A sink that works on its own thread, so that the pipeline need not wait for it."""

from __future__ import annotations

import threading
from collections import deque

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["Background"]


class Background(Sink):
    """Hands answers to another sink through a bounded queue.

    A full queue either loses its oldest answer, which is counted, or the pipeline waits for room.
    What goes wrong in the other sink is raised at the next call.

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
        self._sink = sink
        self._drain_s = drain_s
        self.name = name or type(sink).__name__.lower()
        self._room = room
        self._queue: deque[Answer] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._may_lose = may_lose
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self.lost = 0

    def open(self, stream: StreamInfo) -> None:
        """Open the other sink and start the thread."""
        if self._may_lose is None:
            self._may_lose = stream.live
        self._sink.open(stream)
        self._thread = threading.Thread(
            target=self._work, name=f"{type(self._sink).__name__} sink", daemon=True
        )
        self._thread.start()

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
        self._sink.idle()

    def close(self, summary: Summary | None) -> None:
        """Let the queue run dry, then close the other sink.

        Raises
        ------
        EdgeCNNError
            It did not run dry in time.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(self._drain_s)
            if self._thread.is_alive():
                raise self._given_up()
        self._sink.close(summary)
        self._raise()

    def _given_up(self) -> EdgeCNNError:
        with self._changed:
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

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if not self._queue:
                    return
                answer = self._queue.popleft()
                self._changed.notify_all()
            try:
                self._sink.write(answer)
            except Exception as error:  # carried to the pipeline's thread, and raised there
                with self._changed:
                    self._error = error
                    self._queue.clear()
                    self._changed.notify_all()
                return
