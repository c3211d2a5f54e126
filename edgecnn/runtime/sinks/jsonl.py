"""JSON Lines: one line per processed frame, the summary last."""

from __future__ import annotations

import dataclasses

import msgspec

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.lines import Lines

__all__ = ["JsonLines"]


class JsonLines(Lines):
    """Writes each answer as a line of JSON."""

    def write(self, answer: Answer) -> None:
        """Write one line; raises ``BrokenPipeError`` when nobody reads any more."""
        self._line(_json(answer.row()))

    def _last(self, summary: Summary) -> str:
        return _json({"summary": dataclasses.asdict(summary)})


def _json(row: dict[str, object]) -> str:
    return msgspec.json.encode(row).decode()
