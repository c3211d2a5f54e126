"""Give memory back to the system as soon as it is free."""

from __future__ import annotations

import contextlib
import ctypes
import sys

__all__ = ["give_back_memory", "trim"]

_M_MMAP_THRESHOLD = -3


def give_back_memory(least_bytes: int = 1 << 20) -> None:
    """Let the C library map each large block by itself, and unmap it when it is freed.

    By itself glibc raises the size from which it does so to that of the largest block that was ever
    freed, up to 32 MB; from then on what is free lies between what is used, and is not given back:
    a network that is opened several times takes its size as often. This is a setting of the whole
    process, so it is for commands, not for libraries. Other C libraries are left as they are.

    Parameters
    ----------
    least_bytes : int
        What is large.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, least_bytes)


def trim() -> None:
    """Give back what is free now.

    What one stage held in small pieces lies between what is still used, and the next stage would
    come on top of it. Only the C library of Linux can be asked.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
