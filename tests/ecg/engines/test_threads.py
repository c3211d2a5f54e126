"""While records are scored, NumPy's products have one thread: others would only wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from edgecnn.ecg.engines import serial
from edgecnn.ecg.record_files import RecordFile


def threads(*_: object) -> set[int]:
    return {found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"}


def test_one_thread_while_records_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial, "score_record_file", threads)
    files = [RecordFile(path=Path("a"), name="a"), RecordFile(path=Path("b"), name="b")]
    nothing = cast(Any, None)
    with threadpool_limits(limits=2, user_api="blas"):
        assert [found for _, found in serial.run_serial(files, nothing, nothing)] == [{1}, {1}]
        assert threads() == {2}
