"""Only the answers that say something new."""

from __future__ import annotations

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["OnChange"]


class OnChange(Sink):
    """Passes an answer on when its label is not that of the one before, source by source.

    Parameters
    ----------
    inner : Sink
    """

    def __init__(self, inner: Sink) -> None:
        self._inner = inner
        self.any_thread = inner.any_thread
        self._said: dict[str, str] = {}

    def open(self, stream: StreamInfo) -> None:
        """Start with nothing said."""
        self._said = {}
        self._inner.open(stream)

    def write(self, answer: Answer) -> None:
        """Pass on what is new."""
        source, label = answer.frame.source, answer.result.label
        if self._said.get(source) != label:
            self._said[source] = label
            self._inner.write(answer)

    def idle(self) -> None:
        """Pass a turn on."""
        self._inner.idle()

    def close(self, summary: Summary | None) -> None:
        """Pass the end on."""
        self._inner.close(summary)
