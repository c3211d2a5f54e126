"""Preparing a frame before its turn, on the thread that captures, while the network is busy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Processor

__all__ = ["Ahead", "ahead_of"]


@runtime_checkable
class Ahead(Protocol):
    """What a processor has besides if it can begin with a frame before its turn comes.

    What it makes then must not depend on other frames: turns may be taken in another order, and
    frames may be given up in between.
    """

    def prepare_ahead(self, frame: Frame) -> Any:
        """Return what the frame is to bring along in :attr:`~Frame.ahead`; None for nothing.

        Called on the capturing thread, while another frame is being processed.

        Raises
        ------
        EdgeCNNError
            It cannot be prepared; it will be tried once more when its turn comes.
        """
        ...


def ahead_of(processor: Processor) -> Callable[[Frame], Frame]:
    """Return what gives a frame all that its processor can make of it already, if anything."""
    if not isinstance(processor, Ahead):
        return lambda frame: frame
    prepare = processor.prepare_ahead

    def prepared(frame: Frame) -> Frame:
        if frame.fault:
            return frame
        try:
            made = prepare(frame)
        except EdgeCNNError:
            return frame
        return frame if made is None else dataclasses.replace(frame, ahead=made)

    return prepared
