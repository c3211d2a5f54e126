"""What every format must do: the same recording, read back from each."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from edgecnn.ecg.readers import SUFFIXES, iter_chunks, open_record, read_record, reader_of
from edgecnn.ecg.record_files import find_records
from edgecnn.errors import EdgeCNNError, MissingPackageError, RecordError

_TEXTS = {"csv", "layout"}


def signal_of(record, drawn):
    columns = [record.leads.index(lead) for lead in drawn.leads]
    return record.signal_mv[: len(drawn.signal_mv), columns]


def test_samples_names_and_rate_come_back(recording, drawn):
    record = read_record(recording)
    assert np.abs(signal_of(record, drawn) - drawn.signal_mv).max() < 1e-9
    assert record.sampling_rate_hz == pytest.approx(drawn.rate_hz, rel=1e-9)
    assert record.name == "r"
    assert record.path == recording
    assert record.signal_mv.dtype == np.float64


def test_the_start_comes_back(recording, form, drawn):
    assert read_record(recording).start == (drawn.start if form in drawn.with_start else None)


def test_one_lead_is_found_by_an_alias(recording, drawn):
    record = read_record(recording, lead="MLII")
    assert record.leads == ("II",)
    found = record.signal_mv[: len(drawn.signal_mv), 0]
    assert np.abs(found - drawn.signal_mv[:, 1]).max() < 1e-9


def test_a_lead_that_is_not_there_is_one_line(recording):
    with pytest.raises(RecordError, match="has no lead V6; it has I") as raised:
        read_record(recording, lead="V6")
    assert "\n" not in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("seconds", [0.1, 1 / 3, 1.0, 100.0])
def test_pieces_are_the_whole(recording, seconds):
    whole = read_record(recording)
    opened = open_record(recording)
    assert (opened.samples, opened.leads) == (len(whole.signal_mv), whole.leads)
    assert (opened.start, opened.duration_s) == (whole.start, whole.duration_s)
    pieces = list(iter_chunks(recording, seconds))
    assert np.array_equal(np.concatenate(pieces), whole.signal_mv)
    step = round(seconds * whole.sampling_rate_hz)
    assert {len(piece) for piece in pieces[:-1]} <= {step}
    one = list(iter_chunks(recording, seconds, lead="II"))
    assert np.array_equal(np.concatenate(one), read_record(recording, lead="II").signal_mv)


def test_a_folder_holds_it_once(recording):
    found = find_records([recording.parent])
    assert [file.path for file in found.records] == [recording]
    assert not found.problems


def read_or_one_line(path):
    """Read it, or see that what is said of it is one line with a hint."""
    try:
        return read_record(path)
    except EdgeCNNError as error:
        told = error
    assert "\n" not in told.message
    assert told.hint
    return None


def test_a_file_that_is_cut_short_is_one_line(form, recording, drawn):
    for file in sorted(recording.parent.iterdir()):
        content = file.read_bytes()
        for kept in (0, 1, 7, 100, 257, len(content) // 2, len(content) - 2):
            file.write_bytes(content[: min(kept, len(content))])
            record = read_or_one_line(recording)
            # A text that is cut short may be a whole one of fewer lines or letters.
            if record is not None and file.suffix != ".hea" and form not in _TEXTS:
                held = drawn.signal_mv[: len(record.signal_mv)]
                assert np.allclose(signal_of(record, drawn), held, atol=1e-9) or record.notes
        file.write_bytes(content)


def test_changed_bytes_end_in_a_record_or_one_line(form, recording):
    rng = np.random.default_rng(3)
    head = 700
    for file in sorted(recording.parent.iterdir()):
        content = file.read_bytes()
        for _ in range(25):
            changed = bytearray(content)
            for at in rng.integers(0, min(head, len(content)), 3):
                changed[at] = rng.integers(0, 256)
            file.write_bytes(bytes(changed))
            read_or_one_line(recording)
        file.write_bytes(content)


def test_all_readers_are_here(writers, drawn, tmp_path):
    read = set()
    for form, write in writers.items():
        folder = tmp_path / form
        folder.mkdir()
        read.add(reader_of(write(folder, drawn.steps)))
    assert read | {"npy"} == set(SUFFIXES.values())


@pytest.mark.parametrize(
    ("form", "package"),
    [
        ("wfdb-24", "wfdb"),
        ("dicom", "pydicom"),
        ("matlab-5", "scipy.io"),
        ("matlab-7.3", "h5py"),
        ("parquet", "pyarrow"),
    ],
)
def test_a_package_that_is_missing_is_named(form, package, recording, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=package.partition(".")[0]) as raised:
        read_record(recording)
    assert "pip install 'edgecnn[" in raised.value.hint


def test_a_device_reads_most_formats_with_numpy_alone(recording_of):
    forms = ("wfdb-16", "wfdb-212", "segments", "edf", "bdf", "ishne", "aecg", "muse", "csv", "npz")
    paths = [str(recording_of(form)) for form in forms]
    code = f"""
import sys
absent = ("wfdb", "scipy", "pandas", "h5py", "pydicom", "pyarrow", "pyedflib", "onnxruntime", "cv2")
sys.modules.update(dict.fromkeys(absent))
from edgecnn.ecg.readers import read_record
print([len(read_record(path, lead="II").signal_mv) >= 1003 for path in {paths!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([True] * len(forms))
