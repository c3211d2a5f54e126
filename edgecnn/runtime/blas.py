"""One thread for NumPy's products of small matrices.

OpenBLAS starts a thread for every CPU and lets them wait for work by spinning. For products as
small as those of a few beats that takes twice the processor's time and no less of the clock's, and
what works beside it, such as other workers, goes without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["keep_one_blas_thread", "one_blas_thread"]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have NumPy multiply matrices with one thread, until the block ends.

    This is a setting of the whole process: as many threads as before are there again behind it.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def keep_one_blas_thread() -> None:
    """Have NumPy multiply matrices with one thread from now on, in a process that only scores."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")
