"""Weights in 4 bits: sixteen steps of a scale for each block of what is summed over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCKS", "BlockWeights", "round_to_blocks"]

#: Sizes that ONNX Runtime's kernel has. (Of 512 it gave zeros: its issue 28551.)
BLOCKS = (16, 32, 64, 128, 256)

#: The code that stands for zero.
ZERO_POINT = 8

#: Shares of the largest weight that 4 bits are stretched over; what is beyond is clipped.
_STRETCHES = np.array([1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7], np.float32)

#: Weights that are rounded at a time, to bound the memory for it.
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class BlockWeights:
    """Rounded weights of a matrix product.

    Attributes
    ----------
    codes : ndarray of uint8, shape (N, blocks, block)
        0..15; a weight is ``(code - 8) * scale``. Rows are filled up with zeros to whole blocks.
    scale : ndarray of float32, shape (N, blocks)
    """

    codes: NDArray[np.uint8]
    scale: NDArray[np.float32]

    @property
    def alternating(self) -> NDArray[np.uint8]:
        """Two codes a byte, the first of two neighbours in the low half: ``MatMulNBits``'."""
        return _two_a_byte(self.codes[..., 0::2], self.codes[..., 1::2])

    @property
    def halves(self) -> NDArray[np.uint8]:
        """Two codes a byte: the first half of a block in the low halves, the second in the high."""
        half = self.codes.shape[-1] // 2
        return _two_a_byte(self.codes[..., :half], self.codes[..., half:])

    def values(self, columns: int) -> NDArray[np.float32]:
        """Return what the codes stand for, shape (N, columns)."""
        steps = self.codes.astype(np.float32) - ZERO_POINT
        whole: NDArray[np.float32] = (steps * self.scale[..., None]).reshape(len(self.codes), -1)
        return whole[:, :columns]


def round_to_blocks(weights: NDArray[np.float32], block: int) -> BlockWeights:
    """Round each row of a matrix, block by block, by the scale that leaves the least square error.

    Parameters
    ----------
    weights : ndarray of float32, shape (N, K)
        K is summed over.
    block : int
        Weights that share a scale; even.

    Notes
    -----
    Codes reach from -8 to 7, so the largest weight of a block, whatever its sign, is made -8 steps,
    as ONNX Runtime's ``quantize_matmul_4bits`` does it. That scale, and smaller ones which clip,
    are tried; ties go to the former.

    Examples
    --------
    >>> rounded = round_to_blocks(np.linspace(-1, 0.875, 16, dtype=np.float32)[None], 16)
    >>> float(abs(rounded.values(16) - np.linspace(-1, 0.875, 16)).max())
    0.0
    """
    rows, columns = weights.shape
    count = -(-columns // block)
    codes = np.empty((rows, count, block), np.uint8)
    scale = np.empty((rows, count), np.float32)
    at_once = max(_AT_ONCE // (count * block), 1)
    for start in range(0, rows, at_once):
        part = slice(start, start + at_once)
        padded = np.pad(weights[part], ((0, 0), (0, count * block - columns)))
        codes[part], scale[part] = _round(padded.reshape(-1, count, block))
    return BlockWeights(codes, scale)


def _round(values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    place = np.abs(values).argmax(axis=-1, keepdims=True)
    largest = np.take_along_axis(values, place, axis=-1) / -ZERO_POINT
    best = np.full(values.shape[:-1], np.inf, np.float32)
    chosen = np.zeros_like(values)
    scale = np.zeros_like(largest)
    for stretch in _STRETCHES:
        tried = np.where(largest == 0, 1, largest * stretch).astype(np.float32)
        steps = np.clip(np.rint(values / tried), -ZERO_POINT, ZERO_POINT - 1)
        error = np.square(steps * tried - values).sum(axis=-1)
        better = error < best
        best[better] = error[better]
        chosen[better] = steps[better]
        scale[better] = tried[better]
    codes: NDArray[np.uint8] = (chosen + ZERO_POINT).astype(np.uint8)
    return codes, scale[..., 0].astype(np.float32)


def _two_a_byte(low: NDArray[np.uint8], high: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.bitwise_or(low, np.left_shift(high, 4, dtype=np.uint8))
