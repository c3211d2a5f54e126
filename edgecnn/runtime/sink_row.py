"""The sinks of a stream, one after the other: opened, told, and closed whatever happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.own_stage import OwnStage
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.watchdog import Watched

__all__ = ["SinkRow"]

#: Closing may take its time: an MP4 is made of a recording.
_CLOSING_S = 300.0


class SinkRow:
    """Calls each sink, on the pipeline's thread.

    Parameters
    ----------
    sinks : sequence of Sink
        Told of every answer, in this order.
    own : OwnStage
        Knows, for the watchdog, which of them is being called.
    """

    def __init__(self, sinks: Sequence[Sink], own: OwnStage) -> None:
        self._sinks = tuple(sinks)
        self._own = own
        # Waiting for room in a queue is no hanging: the sink behind it is watched itself.
        self._calls = [(s, "" if _watches_itself(s) else _name(s)) for s in self._sinks]
        self._open: list[Sink] = []

    def open(self, stream: StreamInfo) -> None:
        """Open all; one that fails to is closed like those before it."""
        for sink in self._sinks:
            self._open.append(sink)
            with self._own.doing(f"opening {_name(sink)}", "opening"):
                sink.open(stream)

    def write(self, answer: Answer) -> None:
        """Tell all of an answer."""
        for sink, name in self._calls:
            if name:
                self._own.begin(name, "output")
            sink.write(answer)
            self._own.end()

    def idle(self) -> None:
        """Give all a turn while no frame comes."""
        for sink in self._sinks:
            sink.idle()

    def close(self, summary: Summary | None) -> None:
        """Close those that are open, in reverse, whichever of them fails."""
        with contextlib.ExitStack() as closing:
            for sink in self._open:
                closing.callback(self._close, sink, summary)

    def close_from_elsewhere(self, summary: Summary) -> None:
        """Close what another thread can close while one of them hangs."""
        for sink in reversed(self._open):
            if sink.any_thread and _name(sink) != self._own.title:
                # Whatever it says about it, there is nobody left to hear.
                with contextlib.suppress(Exception):
                    sink.close(summary)

    def watched(self) -> Iterator[Watched]:
        """List what of them may hang on threads of their own."""
        for sink in self._sinks:
            yield from sink.watched()

    def lost(self) -> dict[str, int]:
        """Return how many answers each sink with a queue lost."""
        return {sink.name: sink.lost for sink in self._sinks if sink.name}

    def _close(self, sink: Sink, summary: Summary | None) -> None:
        self._open.remove(sink)
        with self._own.doing(f"closing {_name(sink)}", "closing", _CLOSING_S):
            sink.close(summary)


def _watches_itself(sink: Sink) -> bool:
    return type(sink).watched is not Sink.watched


def _name(sink: Sink) -> str:
    return f"sink {sink.name or type(sink).__name__.lower()}"
