"""A processor that changes what another one takes or says, and is that one in all else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgecnn.runtime.ahead import Ahead
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.processor import Processor, Result

__all__ = ["WrappedProcessor"]


class WrappedProcessor:
    """States what the processor behind it states; ``process`` is the subclass's.

    Parameters
    ----------
    inner : Processor
    """

    def __init__(self, inner: Processor) -> None:
        self._inner = inner

    @property
    def title(self) -> str:
        """Name the model."""
        return self._inner.title

    @property
    def provider(self) -> str:
        """Name the execution provider."""
        return self._inner.provider

    @property
    def nodes_on_provider(self) -> str:
        """Count the nodes that the provider runs, of all."""
        return self._inner.nodes_on_provider

    @property
    def card(self) -> Mapping[str, str]:
        """State facts about the model."""
        return self._inner.card

    def prepare_ahead(self, frame: Frame) -> Any:
        """Have the processor behind it prepare a frame, if it can."""
        return self._inner.prepare_ahead(frame) if isinstance(self._inner, Ahead) else None

    def finish(self) -> Result | None:
        """Say what is still to be said after the last frame."""
        return self._inner.finish()
