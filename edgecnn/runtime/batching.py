"""Several frames in one run of the network, where it takes that."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Protocol, runtime_checkable

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Processor, Result

__all__ = ["BatchGain", "Batching", "most_at_once", "one_by_one", "results_of"]

#: So many runs of a batch of each size are tried, and so many of the last are compared.
_TRIED = 7


class BatchGain:
    """Finds out whether frames are answered sooner together than one by one.

    On a GPU they are; on a CPU that depends on the network: memory that a batch takes anew in each
    run may cost more than is gained.

    Examples
    --------
    >>> gain = BatchGain()
    >>> for _ in range(7):
    ...     gain.add(1, 2.0); gain.add(2, 3.0); gain.add(3, 12.0)
    >>> gain.pays(2), gain.pays(3), gain.pays(4)
    (True, False, True)
    """

    def __init__(self) -> None:
        self._per_frame_ms: dict[int, deque[float]] = {}

    def add(self, frames: int, milliseconds: float) -> None:
        """Note how long one run took."""
        runs = self._per_frame_ms.setdefault(frames, deque(maxlen=_TRIED))
        runs.append(milliseconds / frames)

    def pays(self, frames: int) -> bool:
        """Tell whether to run so many together; while it is not known, try both."""
        together = self._per_frame_ms.get(frames, ())
        alone = self._per_frame_ms.get(1, ())
        if min(len(together), len(alone)) < _TRIED:
            return len(together) < _TRIED
        return median(together) <= median(alone)


@runtime_checkable
class Batching(Protocol):
    """What a processor has besides if it can answer several frames together.

    Attributes
    ----------
    most : int
        How many; 1 where the network takes one at a time.
    """

    @property
    def most(self) -> int:
        """Say how many frames it takes at once."""
        ...

    def process_many(self, frames: Sequence[Frame]) -> list[Result | EdgeCNNError]:
        """Answer each of up to ``most`` frames, or say why it cannot be answered."""
        ...


def most_at_once(processor: Processor) -> int:
    """Return how many frames a processor answers together."""
    return processor.most if isinstance(processor, Batching) else 1


def results_of(processor: Processor, frames: Sequence[Frame]) -> list[Result | EdgeCNNError]:
    """Answer frames in their order, together where that is possible; errors are in their places."""
    if len(frames) > 1 and isinstance(processor, Batching) and processor.most >= len(frames):
        return processor.process_many(frames)
    return one_by_one(processor, frames)


def one_by_one(processor: Processor, frames: Sequence[Frame]) -> list[Result | EdgeCNNError]:
    """Answer frames each by itself; errors are in their places."""
    results: list[Result | EdgeCNNError] = []
    for frame in frames:
        try:
            results.append(processor.process(frame))
        except EdgeCNNError as error:
            results.append(error)
    return results
