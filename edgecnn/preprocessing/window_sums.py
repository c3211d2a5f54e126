"""Sums over sliding windows of integers: exact, and as fast as the processor adds.

A running total has to wait for each sum before the next; here whole stretches are added to
themselves, shifted by 1, 2, 4, ... samples, which gives the sums of 2, 4, 8, ... samples at once,
and windows of any width out of these. The narrower the integers, the more of them are added in
one step: :func:`narrowed` says how narrow they may be.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Integers", "largest_of", "narrowed", "window_sums"]

#: int32 or int64, whichever holds the values.
Integers = NDArray[np.signedinteger[Any]]

_NARROW: np.dtype[np.signedinteger[Any]] = np.dtype(np.int32)
_WIDE: np.dtype[np.signedinteger[Any]] = np.dtype(np.int64)
_LARGEST = int(np.iinfo(np.int32).max)

#: Numbers that are worked on at once: they stay in the processor's cache.
_BLOCK = 1 << 15


def window_sums(signal: Integers, width: int) -> Integers:
    """Sum every whole window of ``width`` samples.

    Parameters
    ----------
    signal : ndarray of int, shape (samples, ...)
        Of a type that holds the sums, too.
    width : int
        At least 1.

    Returns
    -------
    ndarray of int, shape (samples - width + 1, ...)
        Of the signal's type; empty for a signal that is shorter than a window.

    Examples
    --------
    >>> window_sums(np.array([1, 0, 3, 0, 5]), 3).tolist()
    [4, 3, 8]
    """
    count = len(signal) - width + 1
    if count <= 0:
        return signal[:0]
    rest = signal.shape[1:]
    sums = np.empty((count, *rest), dtype=signal.dtype)
    step = max(1, _BLOCK // math.prod(rest))
    scratch = np.empty((2, min(step, count) + width, *rest), dtype=signal.dtype)
    for first in range(0, count, step):
        out = sums[first : first + step]
        _add_up(signal[first : first + len(out) + width - 1], width, out, scratch)
    return sums


def _add_up(signal: Integers, width: int, out: Integers, scratch: Integers) -> None:
    """Put the windows together of stretches of 1, 2, 4, ... samples, as ``width`` has them."""
    stretches, length = signal, 1
    total: Integers | None = None
    begin = 0
    while True:
        if width & length:
            part = stretches[begin : begin + len(out)]
            if total is not None:
                total = np.add(total, part, out=out)
            elif length == 1:
                total = part
            else:
                # It lies in the scratch, which is written over in the next steps but one.
                total = out
                out[:] = part
            begin += length
        if 2 * length > width:
            break
        longer = scratch[length.bit_length() & 1, : len(stretches) - length]
        stretches = np.add(stretches[:-length], stretches[length:], out=longer)
        length *= 2
    if total is not None and total is not out:
        out[:] = total


def largest_of(signal: Integers) -> int:
    """Return the largest absolute value; 0 of an empty signal."""
    if not signal.size:
        return 0
    return max(int(signal.max()), -int(signal.min()))


def narrowed(largest: int) -> np.dtype[np.signedinteger[Any]]:
    """Return the narrower type of integers that holds values up to ``largest`` in size.

    Examples
    --------
    >>> narrowed(1 << 30), narrowed(1 << 31)
    (dtype('int32'), dtype('int64'))
    """
    return _NARROW if largest <= _LARGEST else _WIDE
