from __future__ import annotations

import sys

import numpy as np
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.errors import MissingPackageError, RecordError


def test_an_array_and_its_rate(tmp_path):
    savemat = pytest.importorskip("scipy.io").savemat
    signal = np.arange(1000.0).reshape(2, 500)
    savemat(tmp_path / "r.mat", {"val": signal, "fs": 500})
    record = read_record(tmp_path / "r.mat")
    assert np.array_equal(record.signal_mv, signal.T)
    assert record.sampling_rate_hz == 500


def test_a_broken_file_is_one_line(tmp_path):
    pytest.importorskip("scipy.io")
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
