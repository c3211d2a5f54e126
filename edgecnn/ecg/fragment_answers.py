"""What a model says of one fragment of a signal: for scoring, prediction and live streams alike."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
from numpy.typing import NDArray

from edgecnn.metadata import SignalInput
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import Model
from edgecnn.runtime.tasks.classify import UNKNOWN, Classification, decode

__all__ = ["FragmentAnswer", "answer_fragment"]

_NOT_FINITE = "the network gave a value that is no number"
_UNSURE = "no label is sure enough"


@dataclasses.dataclass(frozen=True)
class FragmentAnswer:
    """The answer, or why there is none.

    Attributes
    ----------
    said : Classification or None
        None where the network gave no numbers.
    reason, cause : str
        Why there is no label, for people and in a word; ``""`` if there is one.
    infer_ms : float
        Time that the network took.
    """

    said: Classification | None
    reason: str
    cause: str
    infer_ms: float

    @property
    def labels(self) -> tuple[tuple[str, float], ...]:
        """All labels that hold, with their scores; none without an answer."""
        if self.said is None or self.reason:
            return ()
        return self.said.above or ((self.said.label, self.said.score),)

    def result(self, **fields: object) -> Result:
        """Return it as a stream and ``edgecnn predict`` tell it, with more keys for its row."""
        if self.said is None:
            unknown = Result.unknown(self.reason, self.cause)
            return dataclasses.replace(unknown, fields=fields)
        if self.said.above is not None:
            fields["labels"] = [[label, round(score, 6)] for label, score in self.said.above]
        return Result(
            self.said.label,
            self.said.score,
            self.said.top,
            "unknown" if self.reason else "ok",
            self.reason,
            self.cause,
            fields=fields,
        )


def answer_fragment(model: Model, tensor: NDArray[np.float32], *, top: int = 5) -> FragmentAnswer:
    """Run one fragment through the network.

    Parameters
    ----------
    model : Model
        A classifier with a :class:`~edgecnn.metadata.SignalInput`.
    tensor : ndarray of float32, shape (1, leads, samples)
    top : int
        How many labels are listed.
    """
    spec = model.metadata.input
    assert isinstance(spec, SignalInput)
    began = time.perf_counter_ns()
    logits = model.run({spec.name: tensor})
    infer_ms = (time.perf_counter_ns() - began) / 1e6
    if not np.isfinite(logits).all():
        return FragmentAnswer(None, _NOT_FINITE, "not-finite", infer_ms)
    said = decode(logits, model.metadata, top=top)[0]
    reason, cause = (_UNSURE, "low-score") if said.label == UNKNOWN else ("", "")
    return FragmentAnswer(said, reason, cause, infer_ms)
