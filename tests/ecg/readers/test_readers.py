from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from edgecnn.ecg.readers import SUFFIXES, header_of, read_record, reader_of
from edgecnn.errors import MissingFileError, RecordError

HEADER = "100 1 250 5\n100.dat 16 200 16 0 0 0 0 II\n"


@pytest.fixture
def record(tmp_path):
    (tmp_path / "100.hea").write_text(HEADER)
    (tmp_path / "100.dat").write_bytes(bytes(10))
    (tmp_path / "100.atr").write_bytes(bytes(2))
    return tmp_path


def test_every_suffix_has_its_reader():
    for name in set(SUFFIXES.values()):
        assert callable(import_module(f"edgecnn.ecg.readers.{name}").read)


@pytest.mark.parametrize("name", ["100", "100.hea", "100.dat", "100.atr"])
def test_a_wfdb_record_is_known_by_any_of_its_files(record, name):
    assert reader_of(record / name) == "wfdb"
    assert header_of(record / name) == record / "100.hea"
    assert read_record(record / name).leads == ("II",)
    assert read_record(str(record / name)).name == "100"


def test_a_mat_file_with_a_header_is_a_wfdb_record(record):
    (record / "100.mat").write_bytes(bytes(10))
    (record / "200.mat").write_bytes(bytes(10))
    assert reader_of(record / "100.mat") == "wfdb"
    assert reader_of(record / "200.mat") == "matlab"


def test_a_table_beside_a_header_of_its_name_is_a_table(record):
    (record / "100.csv").write_text("0.1\n0.2\n")
    assert reader_of(record / "100.csv") == "csv"


def test_a_name_with_dots_is_a_name(record):
    (record / "a.b.hea").write_text(HEADER)
    assert header_of(record / "a.b") == record / "a.b.hea"


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("200", MissingFileError, "no such file or folder: .*200"),
        ("200.dat", MissingFileError, "there is no header 200.hea"),
        ("200.csv", MissingFileError, "no such file"),
        ("200.hea", MissingFileError, "no such file"),
        ("x/200", MissingFileError, "no such file"),
        ("folder", RecordError, "is a folder"),
        ("alone.dat", RecordError, "no reader for .dat"),
        ("x.edf", RecordError, "is no EDF or BDF file"),
    ],
)
def test_what_cannot_be_read_is_said(record, name, kind, what):
    (record / "folder").mkdir()
    (record / "x.edf").write_bytes(b"0")
    (record / "alone.dat").write_bytes(b"0")
    with pytest.raises(kind, match=what) as raised:
        read_record(record / name)
    assert raised.value.hint


def test_core_formats_load_no_large_package(record):
    np.save(record / "r.npy", np.zeros(10))
    (record / "r.csv").write_text("0.1\n0.2\n")
    code = (
        "import sys; from edgecnn.ecg.readers import read_record\n"
        "for name in ('100', 'r.npy', 'r.csv'):\n"
        f"    read_record({str(record)!r} + '/' + name, rate_hz=100)\n"
        "large = {'wfdb', 'scipy', 'pandas', 'torch', 'onnx', 'onnxruntime', 'cv2'}\n"
        "print(sorted(large & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
