"""What machines want to know about a stream: counts, latencies, whether it gets on."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any

from edgecnn.runtime.answer import Answer
from edgecnn.runtime.redact import redact
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["BUCKETS_S", "Monitor"]

#: Upper bounds of the latency histogram.
BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: Reasons told apart; a text with a file's name in it must not fill whoever keeps the metrics.
_MOST_REASONS = 24
_LONGEST_REASON = 60
#: Without an answer for so long, something is wrong; before the first one it may take longer.
_SILENCE_S, _FIRST_S = 10.0, 30.0
#: Answers that a slow source may be late.
_LATE = 5.0


class Monitor(Sink):
    """Counts the answers of one stream; what it holds may be read on any thread.

    Parameters
    ----------
    nobody : callable, optional
        Tells that nobody gives the stream pictures at the moment, and that this is as it should be:
        a browser's camera that is not on. A camera that was lost is no such thing.

    Attributes
    ----------
    stream : StreamInfo or None
        What is told at the start.
    newest : Answer or None
    answers : int
    latency_s : float
        Sum of all latencies.
    buckets : list of int
        Answers within each of :data:`BUCKETS_S`, and beyond; not cumulative.
    unknown : dict
        Cause, or kind of reason, to the number of answers without a label.
    drift : mapping
        ``row["drift"]`` of the newest answer that has one.
    """

    def __init__(self, nobody: Callable[[], bool] = lambda: False) -> None:
        self._nobody = nobody
        self.stream: StreamInfo | None = None
        self.newest: Answer | None = None
        self.answers = 0
        self.latency_s = 0.0
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self.unknown: dict[str, int] = {}
        self.drift: Mapping[str, Any] = {}
        self._since = time.monotonic()

    def open(self, stream: StreamInfo) -> None:
        """Begin to wait for the first answer."""
        self.stream = stream
        self._since = time.monotonic()

    def write(self, answer: Answer) -> None:
        """Count one answer."""
        seconds = answer.latency_ms / 1000
        self.buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.latency_s += seconds
        self.answers += 1
        if answer.result.state == "unknown":
            result = answer.result
            # What failed is told apart by its reason.
            known = result.cause and result.cause not in ("fault", "error")
            self._count(result.cause if known else result.reason)
        self.drift = answer.result.fields.get("drift") or self.drift
        self.newest = answer
        self._since = time.monotonic()

    def idle(self) -> None:
        """While it is paused, or nobody gives pictures, no answer is due."""
        if self.stream is not None and (self.stream.controls.paused or self._nobody()):
            self._since = time.monotonic()

    @property
    def silence_s(self) -> float:
        """Seconds since the last answer, or since the start."""
        return time.monotonic() - self._since

    def trouble(self) -> str:
        """Say why the stream is not well: it gives no answers; empty where it is."""
        limit = _SILENCE_S if self.answers else _FIRST_S
        if self.stream is not None and self.stream.fps:
            limit = max(limit, _LATE / self.stream.fps)
        silence = self.silence_s
        return f"no answer for {silence:.0f} s" if silence > limit else ""

    def unready(self) -> str:
        """Say why there are no answers to be had; empty where there are."""
        if self._nobody():
            return "nobody's camera is on"
        return self.trouble() if self.answers else "no answer yet"

    def _count(self, reason: str) -> None:
        # Up to a colon it is said what is wrong, then with what.
        kind = re.sub(r"\d+(?:\.\d+)*", "N", redact(reason).partition(": ")[0])[:_LONGEST_REASON]
        if kind not in self.unknown and len(self.unknown) >= _MOST_REASONS:
            kind = "other"
        self.unknown[kind] = self.unknown.get(kind, 0) + 1
