"""How a network's output becomes an answer."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edgecnn.metadata.boxes import Boxes
from edgecnn.metadata.constraints import Fraction
from edgecnn.metadata.pixels import Pixels

__all__ = ["Output"]


class Output(Struct, frozen=True, kw_only=True):
    """How the network's output becomes an answer.

    Attributes
    ----------
    activation : "softmax", "sigmoid" or "none"
        What turns the output into scores of 0..1; ``none`` if they are that already.
    min_score : float
        Answers scored lower than this are reported as unknown; of a detector's, left out.
    thresholds : tuple of float
        One for each label, where an example can have several at once (``sigmoid``): an answer is
        all labels that reach theirs. Empty where an example has one label.
    boxes : Boxes, optional
        For the task ``detect``.
    pixels : Pixels, optional
        For the task ``image-to-image``.
    """

    name: str = "logits"
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"
    min_score: Fraction = 0.0
    thresholds: tuple[Fraction, ...] = ()
    boxes: Boxes | None = None
    pixels: Pixels | None = None
