from __future__ import annotations

import shutil

import numpy as np
import pytest

from edgecnn.ecg.record_files import RecordFile
from edgecnn.ecg.record_key import record_key
from edgecnn.ecg.score_file import ScoreOptions


@pytest.fixture
def record(tmp_path):
    (tmp_path / "r.hea").write_text("r/2 1 360 20\ns 10\nt 10\n")
    for name in "st":
        (tmp_path / f"{name}.hea").write_text(f"{name} 1 360 10\n{name}.dat 16 200 16 0 0 0 0 II\n")
        (tmp_path / f"{name}.dat").write_bytes(np.zeros(10, "<i2").tobytes())
    (tmp_path / "r.atr").write_bytes(b"\0\0")
    return RecordFile(tmp_path / "r.hea", "r")


def key(record, options=None, model="m", annotator=None, rhythm=None):
    return record_key(
        record,
        options or ScoreOptions(),
        (model,) if rhythm is None else (model, rhythm),
        annotator,
    )


def test_the_same_is_the_same(record, tmp_path):
    assert key(record) == key(record)
    # What was touched but not changed is the same.
    content = (tmp_path / "t.dat").read_bytes()
    before = key(record)
    (tmp_path / "t.dat").unlink()
    (tmp_path / "t.dat").write_bytes(content)
    assert key(record) == before


@pytest.mark.parametrize("name", ["r.hea", "s.hea", "t.hea", "s.dat", "t.dat"])
def test_any_of_its_files_changes_it(record, tmp_path, name):
    before = key(record)
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert key(record) != before


def test_all_that_the_result_depends_on_changes_it(record, tmp_path):
    shutil.copytree(tmp_path, tmp_path / "copy")
    others = [
        key(record),
        key(record, ScoreOptions(lead="V5")),
        key(record, ScoreOptions(rate_hz=250.0)),
        key(record, model="n"),
        key(record, rhythm="n"),
        key(record, annotator="atr"),
        key(RecordFile(record.path, "other")),
        key(RecordFile(tmp_path / "copy" / "r.hea", "r")),
    ]
    assert len(set(others)) == len(others)
    (tmp_path / "r.atr").write_bytes(b"\1\1")
    assert key(record, annotator="atr") != others[5]
    assert key(record) == others[0]


def test_what_is_missing_is_for_the_reader_to_tell(record, tmp_path):
    (tmp_path / "s.dat").unlink()
    (tmp_path / "t.hea").write_text("nonsense")
    assert len(key(record)) == 32
