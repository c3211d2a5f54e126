"""How many threads NumPy multiplies matrices with."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["blas_threads", "one_blas_thread", "set_blas_threads"]

_MAPS = Path("/proc/self/maps")
#: OpenBLAS's functions, as it is named in NumPy's wheels and elsewhere.
_NAMES = (
    "scipy_openblas_{}_num_threads64_",
    "openblas_{}_num_threads64_",
    "openblas_{}_num_threads",
)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have NumPy multiply matrices with one thread, until the block ends.

    OpenBLAS starts a thread for every CPU and lets them wait for work by spinning. For products as
    small as those of a few beats that takes twice the processor's time and no less of the clock's,
    and what works beside it, such as other workers, goes without. This is a setting of the whole
    process; with another library than OpenBLAS, or on a system other than Linux, nothing happens.
    """
    before = blas_threads()
    set_blas_threads(1)
    try:
        yield
    finally:
        if before is not None:
            set_blas_threads(before)


def set_blas_threads(threads: int) -> None:
    """Set for good how many threads NumPy multiplies matrices with."""
    if (found := _functions()) is not None:
        found[1](threads)


def blas_threads() -> int | None:
    """Return how many threads NumPy multiplies matrices with; None where that is not known."""
    found = _functions()
    return None if found is None else int(found[0]())


@functools.cache
def _functions() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Return what tells the number of threads, and what sets it."""
    try:
        lines = _MAPS.read_text().splitlines()
        path = next(line.split(maxsplit=5)[-1] for line in lines if "openblas" in line)
        library = ctypes.CDLL(path)
    except (OSError, StopIteration):
        return None
    for name in _NAMES:
        if hasattr(library, name.format("set")) and hasattr(library, name.format("get")):
            return library[name.format("get")], library[name.format("set")]
    return None
