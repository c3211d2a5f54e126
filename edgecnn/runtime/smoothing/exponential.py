"""Exponential smoothing of scores over time."""

from __future__ import annotations

import math

from edgecnn.runtime.processor import Result
from edgecnn.runtime.smoothing.base import Steady

__all__ = ["Exponential"]

#: Another label must lead by so much to take over.
_LEAD = 0.1
#: Share of answered frames, of late, below which there is no label, and from which there is again.
_LOST, _FOUND = 0.4, 0.6
#: What fell below this is forgotten, so that memory stays bounded.
_LEAST = 1e-4


class Exponential:
    """Averages scores with weights that fall by the factor e in ``span_s`` seconds.

    The first answer counts whole. A frame without an answer takes from all labels, so the last one
    fades: after 0.9 of the span without any answer there is none any more. A label takes over when
    it leads by 0.1, so two that are as good as equal do not take turns.

    Parameters
    ----------
    span_s : float
        Time constant.
    top : int
        How many labels an answer lists.
    """

    def __init__(self, span_s: float, *, top: int = 5) -> None:
        self._span_s = span_s
        self._top = top
        self._scores: dict[str, float] = {}
        self._known = 0.0
        self._at_s: float | None = None
        self._label = ""

    def update(self, result: Result, at_s: float) -> Steady:
        """Take one frame's answer, and return what holds now."""
        passed_s = math.inf if self._at_s is None else max(0.0, at_s - self._at_s)
        self._at_s = at_s
        new = 1 - math.exp(-passed_s / self._span_s)
        known = result.state == "ok"
        seen = dict(result.top)
        if known and result.label not in seen:
            seen[result.label] = result.score or 1.0
        self._known += new * (known - self._known)
        labels = self._scores.keys() | seen.keys()
        scores = {
            label: (1 - new) * self._scores.get(label, 0.0) + new * seen.get(label, 0.0)
            for label in labels
        }
        self._scores = {label: score for label, score in scores.items() if score >= _LEAST}
        return self._steady(result)

    def _steady(self, result: Result) -> Steady:
        ranked = sorted(self._scores.items(), key=lambda pair: (-pair[1], pair[0]))
        if not ranked or self._known < (_LOST if self._label else _FOUND):
            self._label = ""
            if result.state == "unknown":
                return Steady("", reason=result.reason, cause=result.cause)
            return Steady("", reason="too few of the last frames had an answer", cause="undecided")
        best, score = ranked[0]
        if best != self._label and score - self._scores.get(self._label, 0.0) >= _LEAD * (
            self._known if self._label else 0.0
        ):
            self._label = best
        # Scores as of the frames that had an answer.
        top = tuple((label, min(1.0, s / self._known)) for label, s in ranked[: self._top])
        score = min(1.0, self._scores.get(self._label, 0.0) / self._known)
        return Steady(self._label, score, top)
