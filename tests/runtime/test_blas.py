"""One thread for NumPy's products while it is asked for, and as many as before behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.runtime import blas
from edgecnn.runtime.blas import blas_threads, one_blas_thread, set_blas_threads

known = pytest.mark.skipif(blas_threads() is None, reason="NumPy has no OpenBLAS that can be asked")


@known
def test_one_thread_and_as_many_as_before_behind_it() -> None:
    before = blas_threads()
    assert before is not None
    try:
        set_blas_threads(2)
        with one_blas_thread():
            assert blas_threads() == 1
            assert (np.ones((3, 4)) @ np.ones((4, 2))).tolist() == [[4.0] * 2] * 3
        assert blas_threads() == 2
        with pytest.raises(ZeroDivisionError), one_blas_thread():
            raise ZeroDivisionError
        assert blas_threads() == 2
    finally:
        set_blas_threads(before)


@pytest.mark.parametrize(
    "content", [None, "7f00-7f01 r-xp 0 08:01 5  /nowhere/libopenblas.so\n", ""]
)
def test_without_openblas_nothing_happens(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "maps").write_text(content)
    monkeypatch.setattr(blas, "_MAPS", tmp_path / "maps")
    monkeypatch.setattr(blas, "_functions", blas._functions.__wrapped__)
    with one_blas_thread():
        assert blas_threads() is None
