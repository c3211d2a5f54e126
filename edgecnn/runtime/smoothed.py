"""A processor whose answers hold for a while."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.batching import most_at_once, results_of
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Processor, Result
from edgecnn.runtime.smoothing.base import Smoother
from edgecnn.runtime.tasks.classify import UNKNOWN
from edgecnn.runtime.wrapped import WrappedProcessor

__all__ = ["SmoothedProcessor"]


class SmoothedProcessor(WrappedProcessor):
    """Makes steady answers of those of the processor behind it.

    What that one said of the frame itself is in the answer's ``raw``: ``label``, ``score``,
    ``state``, ``reason``.

    Parameters
    ----------
    inner : Processor
    make_smoother : callable
        Makes the smoother of one source.
    clock : callable
        Tells the time of a frame in seconds; only differences count.
    """

    def __init__(
        self,
        inner: Processor,
        make_smoother: Callable[[], Smoother],
        clock: Callable[[Frame], float],
    ) -> None:
        super().__init__(inner)
        self._make_smoother = make_smoother
        self._clock = clock
        self._smoothers: dict[str, Smoother] = {}

    def process(self, frame: Frame) -> Result:
        """Answer with what holds now."""
        return self._steady(frame, self._inner.process(frame))

    @property
    def most(self) -> int:
        """Say how many frames it takes at once."""
        return most_at_once(self._inner)

    def process_many(self, frames: Sequence[Frame]) -> list[Result | EdgeCNNError]:
        """Answer several frames with what holds now."""
        results = results_of(self._inner, frames)
        return [
            self._steady(frame, result) if isinstance(result, Result) else result
            for frame, result in zip(frames, results, strict=True)
        ]

    def _steady(self, frame: Frame, result: Result) -> Result:
        if frame.source not in self._smoothers:
            self._smoothers[frame.source] = self._make_smoother()
        steady = self._smoothers[frame.source].update(result, self._clock(frame))
        raw = {
            "label": result.label,
            "score": round(result.score, 6),
            "state": result.state,
            "reason": result.reason,
        }
        return dataclasses.replace(
            result,
            label=steady.label or UNKNOWN,
            score=steady.score,
            top=steady.top,
            state="ok" if steady.label else "unknown",
            reason=steady.reason,
            cause=steady.cause,
            fields={**result.fields, "raw": raw},
        )
