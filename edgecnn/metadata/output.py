"""How a network's output becomes an answer."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from edgecnn.metadata.boxes import Boxes
from edgecnn.metadata.constraints import Fraction
from edgecnn.metadata.pixels import Pixels

__all__ = ["Decoded", "Output"]


class Decoded(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Outputs in which the graph itself states its answer, beside the network's own.

    Attributes
    ----------
    scores : str
        Name of the scores, best first: float32 ``(N, k)``. Of a detector k is the number of boxes.
    labels : str
        Name of the numbers of their labels, int64 ``(N, k)``; -1 where there is none (a score below
        ``min_score``, or fewer boxes in this picture than in another of the batch).
    boxes : str
        Name of a detector's boxes: float32 ``(N, k, 4)``, ``x0, y0, x1, y1`` in pixels of the
        frame, or of the network's input where the file does not prepare frames.
    top : int
        Of a classifier: how many labels there are.
    picture : str
        Name of the picture that an image-to-image network makes: uint8 BGR ``(N, H, W, 3)``.
    """

    scores: str = ""
    labels: str = ""
    boxes: str = ""
    top: int = 0
    picture: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Those that there are."""
        return tuple(filter(None, (self.boxes, self.scores, self.labels, self.picture)))


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
    decoded : Decoded, optional
        For a graph that decodes its answer itself; the output named here is there all the same.
    """

    name: str = "logits"
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"
    min_score: Fraction = 0.0
    thresholds: tuple[Fraction, ...] = ()
    boxes: Boxes | None = None
    pixels: Pixels | None = None
    decoded: Decoded | None = None
