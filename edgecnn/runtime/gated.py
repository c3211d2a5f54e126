"""A processor that answers "unknown" where a frame is not worth asking the network about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.batching import most_at_once, results_of
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.gates.base import Gate
from edgecnn.runtime.processor import Processor, Result
from edgecnn.runtime.wrapped import WrappedProcessor

__all__ = ["GatedProcessor"]


class GatedProcessor(WrappedProcessor):
    """Asks the gates first, and the processor behind it about the frames that they let pass.

    Parameters
    ----------
    inner : Processor
    make_gates : callable
        Makes the gates of one source from its first frame, in the order of asking.
    """

    def __init__(self, inner: Processor, make_gates: Callable[[Frame], Sequence[Gate]]) -> None:
        super().__init__(inner)
        self._make_gates = make_gates
        self._gates: dict[str, tuple[Gate, ...]] = {}

    def process(self, frame: Frame) -> Result:
        """Answer one frame; "unknown", with the reason, where a gate refuses it."""
        refused = self._refused(frame)
        return self._inner.process(frame) if refused is None else refused

    @property
    def most(self) -> int:
        """Say how many frames it takes at once."""
        return most_at_once(self._inner)

    def process_many(self, frames: Sequence[Frame]) -> list[Result | EdgeCNNError]:
        """Answer several frames; those that no gate refuses, together."""
        refused = [self._refused(frame) for frame in frames]
        passed = [f for f, no in zip(frames, refused, strict=True) if no is None]
        answered = iter(results_of(self._inner, passed))
        return [next(answered) if no is None else no for no in refused]

    def _refused(self, frame: Frame) -> Result | None:
        gates = self._gates.get(frame.source)
        if gates is None:
            gates = self._gates[frame.source] = tuple(self._make_gates(frame))
        for gate in gates:
            refusal = gate.check(frame)
            if refusal is not None:
                return Result.unknown(refusal.reason, refusal.cause)
        return None
