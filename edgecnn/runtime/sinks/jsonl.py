"""JSON Lines: one line per processed frame, the summary last."""

from __future__ import annotations

import dataclasses
from typing import IO

import msgspec

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink

__all__ = ["JsonLines"]


class JsonLines(Sink):
    """Writes each answer as a line of JSON, at once.

    Parameters
    ----------
    stream : text file
        Usually ``sys.stdout``; not closed.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._broken = False

    def write(self, answer: Answer) -> None:
        """Write one line; raises ``BrokenPipeError`` when nobody reads any more."""
        self._line(answer.row())

    def close(self, summary: Summary | None) -> None:
        """Write the summary."""
        if summary is not None and not self._broken:
            self._line({"summary": dataclasses.asdict(summary)})

    def _line(self, row: dict[str, object]) -> None:
        try:
            self._stream.write(msgspec.json.encode(row).decode() + "\n")
            self._stream.flush()
        except BrokenPipeError:
            self._broken = True
            raise
