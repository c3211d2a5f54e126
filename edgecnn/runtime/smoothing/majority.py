"""The vote of the last frames."""

from __future__ import annotations

from collections import Counter, deque

from edgecnn.runtime.processor import Result
from edgecnn.runtime.smoothing.base import Steady

__all__ = ["Majority"]


class Majority:
    """Takes the label that more than half of the last frames gave.

    It stays while it has at least a quarter of the votes and no other label, nor "unknown", has
    the majority. Its score is its share of the votes.

    Parameters
    ----------
    frames : int
        How many vote.
    top : int
        How many labels an answer lists.
    """

    def __init__(self, frames: int, *, top: int = 5) -> None:
        self._frames = frames
        self._top = top
        self._votes: deque[str] = deque(maxlen=frames)
        self._label = ""

    def update(self, result: Result, at_s: float) -> Steady:
        """Take one frame's answer, and return what holds now."""
        self._votes.append(result.label if result.state == "ok" else "")
        votes = Counter(self._votes)
        most, count = max(votes.items(), key=lambda pair: (pair[1], pair[0] == self._label))
        if 2 * count > self._frames:
            self._label = most
        elif 4 * votes.get(self._label, 0) < self._frames:
            self._label = ""
        top = tuple(
            (label, n / self._frames) for label, n in votes.most_common(self._top + 1) if label
        )[: self._top]
        if self._label:
            return Steady(self._label, votes.get(self._label, 0) / self._frames, top)
        if result.state == "unknown":
            return Steady("", top=top, reason=result.reason, cause=result.cause)
        reason = f"undecided: no label has more than half of the last {self._frames} frames"
        return Steady("", top=top, reason=reason, cause="undecided")
