"""The protocol of what makes a steady answer of many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgecnn.runtime.processor import Result

__all__ = ["Smoother", "Steady"]


@dataclass(frozen=True, slots=True)
class Steady:
    """What holds now.

    Attributes
    ----------
    label : str
        Empty where there is none.
    score : float
    top : tuple of (label, score)
    reason, cause : str
        Why there is none.
    """

    label: str
    score: float = 0.0
    top: tuple[tuple[str, float], ...] = ()
    reason: str = ""
    cause: str = ""


class Smoother(Protocol):
    """Takes the answers of one source, in their order."""

    def update(self, result: Result, at_s: float) -> Steady:
        """Take one frame's answer, and return what holds now.

        Parameters
        ----------
        result : Result
        at_s : float
            Time of the frame within its source; only differences count.
        """
        ...
