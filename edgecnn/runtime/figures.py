"""What a stream's answers add up to, in bounded memory."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.latency import LatencyHistogram
from edgecnn.runtime.processor import Result

__all__ = ["StreamFigures"]

#: Causes told apart: a processor that makes them up does not fill the memory.
_MOST_CAUSES = 32
#: Answers that the rate of late is made of.
_RECENT = 60
_STATES = ("ok", "warn", "alarm")


class StreamFigures:
    """Counts answers as they are given.

    Attributes
    ----------
    latency : LatencyHistogram
        From capture to result.
    stages : dict of str to LatencyHistogram
        ``wait`` (for its turn), what the processor tells (``prepare``, ``infer``, ``decode``), and
        ``sinks`` (until all of them have taken the answer).
    unknown : Counter
        Answers without a label, by cause.
    answers : int
    """

    def __init__(self) -> None:
        self.latency = LatencyHistogram()
        self.stages: dict[str, LatencyHistogram] = {}
        self.unknown: Counter[str] = Counter()
        self._drift: dict[str, Any] = {}
        self._worst = 0
        self.answers = 0
        self._recent: deque[int] = deque(maxlen=_RECENT)
        self._first_ns = self._last_ns = self._first_answer_ns = 0

    def add(self, frame: Frame, result: Result, now_ns: int) -> None:
        """Count one answer, given now (:func:`time.monotonic_ns`)."""
        self.latency.add((now_ns - frame.captured_ns) / 1e6)
        self.answers += 1
        self._first_ns = self._first_ns or frame.captured_ns
        self._first_answer_ns = self._first_answer_ns or now_ns
        self._last_ns = now_ns
        self._recent.append(now_ns)
        if frame.turn_ns:
            self.add_stage("wait", (frame.turn_ns - frame.captured_ns) / 1e6)
        for name, milliseconds in result.stages_ms.items():
            self.add_stage(name, milliseconds)
        if result.state == "unknown":
            cause = result.cause or "other"
            known = cause in self.unknown or len(self.unknown) < _MOST_CAUSES
            self.unknown[cause if known else "other"] += 1
        drift = result.fields.get("drift")
        if isinstance(drift, Mapping):
            self._drift = dict(drift)
            state = drift.get("state")
            self._worst = max(self._worst, _STATES.index(state) if state in _STATES else 0)

    @property
    def recent_fps(self) -> float:
        """Answers per second, of late."""
        if len(self._recent) < 2:
            return 0.0
        return (len(self._recent) - 1) * 1e9 / max(1, self._recent[-1] - self._recent[0])

    @property
    def fps(self) -> float:
        """Answers per second from the first answer to the last."""
        seconds = (self._last_ns - self._first_answer_ns) / 1e9
        return round((self.answers - 1) / seconds, 2) if seconds > 0 else 0.0

    @property
    def seconds(self) -> float:
        """Seconds from the first capture to the last answer."""
        return round((self._last_ns - self._first_ns) / 1e9, 3)

    def add_stage(self, name: str, milliseconds: float) -> None:
        """Count how long one stage took for one frame."""
        if name not in self.stages:
            self.stages[name] = LatencyHistogram()
        self.stages[name].add(milliseconds)

    def stages_ms(self) -> dict[str, dict[str, float]]:
        """Return ``p50``, ``p95`` and ``p99`` of each stage."""
        return {name: histogram.summary() for name, histogram in self.stages.items()}

    def drift(self) -> dict[str, Any] | None:
        """Return the last drift that was told, and the worst state; None where none was."""
        return self._drift | {"worst": _STATES[self._worst]} if self._drift else None
