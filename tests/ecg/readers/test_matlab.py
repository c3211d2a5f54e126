from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.io import savemat

from edgecnn.ecg.readers import read_record
from edgecnn.errors import MissingPackageError, RecordError


def test_an_array_and_its_rate(tmp_path):
    signal = np.arange(1000.0).reshape(2, 500)
    savemat(tmp_path / "r.mat", {"val": signal, "fs": 500})
    record = read_record(tmp_path / "r.mat")
    assert np.array_equal(record.signal_mv, signal.T)
    assert record.sampling_rate_hz == 500


def test_a_broken_file_is_one_line(tmp_path):
    (tmp_path / "r.mat").write_bytes(b"junk" * 100)
    with pytest.raises(RecordError, match="no readable MATLAB file"):
        read_record(tmp_path / "r.mat", rate_hz=100)


def test_without_scipy_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "r.mat").write_bytes(b"junk")
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingPackageError) as raised:
        read_record(tmp_path / "r.mat", rate_hz=100)
    assert "edgecnn[ecg]" in (raised.value.hint or "")


def test_a_7_3_file_that_promises_more_than_it_holds(tmp_path):
    import h5py

    with h5py.File(tmp_path / "r.mat", "w") as file:
        # A chunked array takes no room before it is written to.
        file.create_dataset("ecg", (10_000_000_000, 2), "f8", chunks=(1000, 2))
    with pytest.raises(RecordError, match="promises 20000000000 samples in /ecg, it holds 0 bytes"):
        read_record(tmp_path / "r.mat", rate_hz=100)


def test_a_7_3_structure_is_its_fields(tmp_path):
    import h5py

    signal = np.arange(1000.0).reshape(500, 2)
    with h5py.File(tmp_path / "r.mat", "w") as file:
        file["record/ecg"] = signal.T
        file["record/fs"] = [[250.0]]
        unit = file.create_dataset("record/unit", data=np.array([[ord(c)] for c in "uV"], "u2"))
        unit.attrs["MATLAB_class"] = np.bytes_("char")
    record = read_record(tmp_path / "r.mat")
    assert record.sampling_rate_hz == 250
    assert np.allclose(record.signal_mv, signal / 1000)


def test_a_7_3_structure_within_a_structure(tmp_path):
    import h5py

    signal = np.arange(1000.0).reshape(500, 2)
    with h5py.File(tmp_path / "r.mat", "w") as file:
        file["study/ecg/data"] = signal.T
        file["study/ecg/samplerate"] = [[250.0]]
        file["#refs#/a"] = np.zeros((4000, 1))
    record = read_record(tmp_path / "r.mat")
    assert record.sampling_rate_hz == 250
    assert np.array_equal(record.signal_mv, signal)
