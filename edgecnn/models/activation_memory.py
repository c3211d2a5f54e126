"""How much memory a network's activations hold while it runs, buffer by buffer."""

from __future__ import annotations

import itertools
import weakref
from dataclasses import dataclass, field

import torch

__all__ = ["ActivationMemory", "Buffer"]

_FLOAT_BYTES = 4


@dataclass
class Buffer:
    """Memory of an activation, alive as long as one of its tensors is.

    Attributes
    ----------
    number : int
        In the order in which they were made.
    size : int
        In bytes.
    tensors : int
        That are alive.
    """

    number: int
    size: int
    tensors: int = 0


@dataclass
class ActivationMemory:
    """Activations that are alive.

    Attributes
    ----------
    alive, peak : int
        Bytes that they hold now, and the most that they ever held at one time.

    Examples
    --------
    >>> memory, tensor = ActivationMemory(), torch.zeros(4, device="meta")
    >>> memory.hold(memory.new(tensor), tensor)
    >>> del tensor
    >>> memory.alive, memory.peak
    (0, 16)
    """

    alive: int = 0
    peak: int = 0
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def new(self, tensor: torch.Tensor) -> Buffer:
        """Return a new buffer of a tensor's size, in float32."""
        buffer = Buffer(next(self.numbers), tensor.numel() * _FLOAT_BYTES)
        self.alive += buffer.size
        self.peak = max(self.peak, self.alive)
        return buffer

    def hold(self, buffer: Buffer, tensor: torch.Tensor) -> None:
        """Keep a buffer alive for as long as a tensor is."""
        buffer.tensors += 1
        weakref.finalize(tensor, self._release, buffer)

    def _release(self, buffer: Buffer) -> None:
        buffer.tensors -= 1
        if not buffer.tensors:
            self.alive -= buffer.size
