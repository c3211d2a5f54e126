"""One thread for NumPy's products while it is asked for, and as many as before behind it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from edgecnn.runtime.blas import one_blas_thread


def threads() -> set[int]:
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two() -> Iterator[None]:
    with threadpool_limits(limits=2, user_api="blas"):
        yield


def test_one_thread_and_as_many_as_before_behind_it() -> None:
    with one_blas_thread():
        assert threads() == {1}
        assert (np.ones((3, 4)) @ np.ones((4, 2))).tolist() == [[4.0] * 2] * 3
    assert threads() == {2}
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        raise ZeroDivisionError
    assert threads() == {2}


def test_a_process_that_only_scores_keeps_one() -> None:
    code = """if True:
        import numpy
        from threadpoolctl import threadpool_info, threadpool_limits
        from edgecnn.runtime.blas import keep_one_blas_thread
        threadpool_limits(limits=2, user_api="blas")
        keep_one_blas_thread()
        print({found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"})
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{1}"
