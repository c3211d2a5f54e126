"""What the C library does with memory that is freed: keep it, or give it back."""

from __future__ import annotations

import contextlib
import ctypes

__all__ = ["give_back_memory", "keep_freed_memory", "trim"]

#: Parameters of ``mallopt``, and the largest value that it takes for the second.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 256 * 2**20
_MAPPED_BYTES = 32 * 2**20


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed, up to 256 MB, instead of giving it back at once.

    A record takes thousands of arrays that live for a moment. Fetching their pages anew each time
    takes a tenth of the time; in workers that Dask starts, with a threshold of 64 KB, half of it.
    This is a setting of the whole process, so it is for commands and workers, not for libraries.

    Returns
    -------
    bool
        False where the C library is not glibc, which has nothing to be told then.

    Notes
    -----
    mallopt(3) of the Linux manual pages.
    """
    return _set(_TRIM_THRESHOLD, _KEPT_BYTES) and _set(_MMAP_THRESHOLD, _MAPPED_BYTES)


def give_back_memory(least_bytes: int = 1 << 20) -> bool:
    """Let the C library map each large block by itself, and unmap it when it is freed.

    By itself glibc raises the size from which it does so to that of the largest block that was ever
    freed, up to 32 MB; from then on what is free lies between what is used, and is not given back:
    a network that is opened several times takes its size as often. This is a setting of the whole
    process, so it is for commands, not for libraries.

    Parameters
    ----------
    least_bytes : int
        What is large.

    Returns
    -------
    bool
        As of :func:`keep_freed_memory`.
    """
    return _set(_MMAP_THRESHOLD, least_bytes)


def trim() -> None:
    """Give back what is free now.

    What one stage held in small pieces lies between what is still used, and the next stage would
    come on top of it. C libraries other than glibc are not asked.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _set(parameter: int, value: int) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # the last on Windows, where None names nothing
        return False
    return bool(mallopt(parameter, value))
