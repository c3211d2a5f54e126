"""While records are scored, NumPy's products have one thread: others would only wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from edgecnn.ecg.engines import serial
from edgecnn.ecg.record_files import RecordFile
from edgecnn.runtime.blas import blas_threads, set_blas_threads


@pytest.mark.skipif(blas_threads() is None, reason="NumPy has no OpenBLAS that can be asked")
def test_one_thread_while_records_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = blas_threads()
    assert before is not None
    monkeypatch.setattr(serial, "score_record_file", lambda *_: blas_threads())
    files = [RecordFile(path=Path("a"), name="a"), RecordFile(path=Path("b"), name="b")]
    nothing = cast(Any, None)
    try:
        set_blas_threads(2)
        assert [found for _, found in serial.run_serial(files, nothing, nothing)] == [1, 1]
        assert blas_threads() == 2
    finally:
        set_blas_threads(before)
