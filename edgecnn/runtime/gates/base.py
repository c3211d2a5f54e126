"""The protocol of what looks at a frame before the network does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgecnn.runtime.frame import Frame

__all__ = ["Gate", "Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a frame gets no label.

    Attributes
    ----------
    cause : str
        One word, the same for every frame of the kind: what summaries count by.
    reason : str
        For people.
    """

    cause: str
    reason: str


class Gate(Protocol):
    """Looks at the frames of one source, in their order; it may remember earlier ones.

    It must cost little: a few dozen microseconds for a frame of 1280 x 720.
    """

    def check(self, frame: Frame) -> Refusal | None:
        """Return why this frame must not be answered; None where nothing is wrong with it."""
        ...
