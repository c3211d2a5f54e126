"""What a live stream was asked to give out, and the sinks that do so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sinks.jsonl import JsonLines
from edgecnn.runtime.sinks.record import Recording
from edgecnn.runtime.sinks.text import TextLines
from edgecnn.runtime.sinks.window import Window, window_trouble

__all__ = ["OutputSinks", "Outputs"]


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where the answers go, besides stdout.

    Attributes
    ----------
    as_json : bool
        JSON Lines on stdout instead of text for people.
    window : bool
        Show a window, where there is a display; without one it is said why there is none.
    web : str, optional
        ``HOST:PORT`` to serve the page at.
    record : Path, optional
        ``.mkv`` or ``.mp4`` to record the annotated pictures to.
    """

    as_json: bool = False
    window: bool = False
    web: str | None = None
    record: Path | None = None


class OutputSinks:
    """The sinks of one stream, not yet opened.

    Parameters
    ----------
    outputs : Outputs
    out : text file
        What stands for stdout.
    say : callable
        Hears remarks: the page's address.

    Raises
    ------
    UsageError
        ``web`` is no address, or ``record`` has another ending.

    Attributes
    ----------
    sinks : list of Sink
    remarks : list of str
        What is worth saying once everything is open: why there is no window.
    """

    def __init__(self, outputs: Outputs, out: IO[str], say: Callable[[str], None]) -> None:
        self.sinks: list[Sink] = [JsonLines(out) if outputs.as_json else TextLines(out)]
        self.remarks: list[str] = []
        if outputs.web is not None:
            from edgecnn.runtime.sinks.web import WebPage
            from edgecnn.web.address import parse_address

            page = WebPage(parse_address(outputs.web), lambda url: say(f"page: {url}"))
            self.sinks.append(Background(page, room=1, may_lose=True, name="page"))
        self._record = outputs.record
        self._recording: Background | None = None
        if outputs.record is not None:
            self._recording = Background(Recording(outputs.record), room=16, name="record")
            self.sinks.append(self._recording)
        if outputs.window:
            trouble = window_trouble()
            if trouble is None:
                self.sinks.append(Window())
            elif outputs.web is None and not outputs.as_json:
                self.remarks.append(f"no window: {trouble}")

    def outcome(self) -> list[str]:
        """Return what is worth saying once they are closed: where the recording lies."""
        recording = self._recording
        if recording is None:
            return []
        lost = (
            f", {recording.lost} frames left out: the disk was too slow" if recording.lost else ""
        )
        return [f"recorded: {self._record}{lost}"]
