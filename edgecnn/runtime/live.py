"""`edgecnn live`: a source, a processor and the sinks that were asked for, run to the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import cv2

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Summary
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Processor
from edgecnn.runtime.signals import stop_on_signals
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sinks.jsonl import JsonLines
from edgecnn.runtime.sinks.record import Recording
from edgecnn.runtime.sinks.text import TextLines
from edgecnn.runtime.sinks.window import Window, window_trouble
from edgecnn.runtime.sources.base import Source

__all__ = ["run_live"]


def run_live(
    source: Source,
    processor: Processor,
    *,
    as_json: bool = False,
    window: bool = False,
    web: str | None = None,
    record: Path | None = None,
    frames: int | None = None,
    opening: str = "",
    out: IO[str] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Summary:
    """Run a stream until its source ends, a signal comes, or ``frames`` were answered.

    Parameters
    ----------
    source : Source
        Not yet opened.
    processor : Processor
    as_json : bool
        JSON Lines on ``out`` instead of text for people.
    window : bool
        Show a window, where there is a display; without one ``say`` hears why there is none.
    web : str, optional
        ``HOST:PORT`` to serve the page at.
    record : Path, optional
        ``.mkv`` or ``.mp4`` to record the annotated pictures to.
    frames : int, optional
        End after so many answers.
    opening : str
        A remark that ``say`` hears when source and sinks are open, and not if one cannot be.
    out : text file, optional
        The default is ``sys.stdout``.
    say : callable
        Hears remarks: the page's address, why there is no window.

    Returns
    -------
    Summary

    Raises
    ------
    UsageError
        ``web`` is no address, or ``record`` has another ending; raised before anything is opened.
    EdgeCNNError
        The source failed or stalled, a sink could not be opened, or frames could not be answered:
        one is enough where every frame counts, as in a file or folder; of a live source, which
        goes on, all of them. The sinks got their summary before.
    """
    # What is drawn and resized is small: OpenCV's threads would only get in the network's way.
    cv2.setNumThreads(1)
    out = out if out is not None else sys.stdout
    sinks: list[Sink] = [JsonLines(out) if as_json else TextLines(out)]
    if web is not None:
        from edgecnn.runtime.sinks.web import WebPage
        from edgecnn.web.address import parse_address

        page = WebPage(parse_address(web), lambda url: say(f"page: {url}"))
        sinks.append(Background(page, room=1, may_lose=True))
    recording = Background(Recording(record), room=16) if record is not None else None
    if recording is not None:
        sinks.append(recording)
    if window:
        trouble = window_trouble()
        if trouble is None:
            sinks.append(Window())
        elif web is None and not as_json:
            opening = f"{opening}\nno window: {trouble}".strip()
    if opening:
        sinks.append(_Opening(opening, say))
    pipeline = Pipeline(source, processor, sinks, frames=frames)
    with stop_on_signals(pipeline.stop):
        summary = pipeline.run()
    if recording is not None:
        lost = (
            f", {recording.lost} frames left out: the disk was too slow" if recording.lost else ""
        )
        say(f"recorded: {record}{lost}")
    if summary.failed and not (source.live and summary.processed):
        raise EdgeCNNError(
            f"{summary.failed} of {summary.captured} frames from {summary.source}"
            " could not be answered",
            hint="--json gives the reason of each",
        )
    return summary


class _Opening(Sink):
    """Says something when the stream starts."""

    def __init__(self, text: str, say: Callable[[str], None]) -> None:
        self._text = text
        self._say = say

    def open(self, stream: StreamInfo) -> None:
        """Say it."""
        self._say(self._text)
