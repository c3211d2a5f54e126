"""What the sinks that print lines share: each line at once, and nothing after a broken pipe."""

from __future__ import annotations

from typing import IO

from edgecnn.runtime.answer import Summary
from edgecnn.runtime.sinks.base import Sink

__all__ = ["Lines"]


class Lines(Sink):
    """Writes lines of text, at once.

    Parameters
    ----------
    stream : text file
        Usually ``sys.stdout``; not closed.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._broken = False

    def close(self, summary: Summary | None) -> None:
        """Write the last line, if there is anything to sum up and anyone who reads."""
        if summary is not None and not self._broken:
            self._line(self._last(summary))

    def _last(self, summary: Summary) -> str:
        """Put a summary into words."""
        raise NotImplementedError

    def _line(self, text: str) -> None:
        """Write one line; raises ``BrokenPipeError`` when nobody reads any more."""
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._broken = True
            raise
