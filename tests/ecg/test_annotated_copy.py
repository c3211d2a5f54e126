"""Annotation files with what a viewer needs to open them."""

from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg.annotated_copy import remove_annotated_copies, symbols_of, write_annotated_copy
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.lead_signal import LeadSignal
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.readers.stored import stored_of
from edgecnn.ecg.record import Record
from edgecnn.ecg.scored_record import ScoredRecord


def scored_of(path, classes, rate_hz=360.0, labels=("N", "S", "V", "F"), lead="MLII"):
    names = (*labels, "Q")
    places = [names.index(c) for c in classes]
    return ScoredRecord(
        name=path.stem,
        path=path,
        sampling_rate_hz=rate_hz,
        duration_s=10.0,
        lead=lead,
        labels=labels,
        samples=np.arange(len(classes)) * 300 + 100,
        class_indices=np.array([-1 if p == len(labels) else p for p in places], dtype=np.int8),
        scores=np.ones(len(classes), dtype=np.float32),
        gaps=np.empty((0, 2), dtype=np.int64),
        notes=(),
    )


def write(base, scored, signal):
    record = Record("r", scored.path, scored.sampling_rate_hz, ("MLII",), signal[:, None])
    lead = LeadSignal(stored_of(record), 1000)
    return write_annotated_copy(base, scored, symbols_of(scored.labels), lead)


def test_symbols_are_those_of_the_classes(tmp_path):
    scored = scored_of(tmp_path / "a.csv", "NSVFQ")
    path = write(tmp_path / "out" / "a", scored, np.zeros(3600))
    assert path == tmp_path / "out" / "a.edge"
    read = read_annotations(tmp_path / "out" / "a", "edge")
    assert read.symbols == ("N", "S", "V", "F", "Q")
    assert read.aux == ("",) * 5
    np.testing.assert_array_equal(read.samples, scored.samples)
    assert read.sampling_rate_hz == 360


def test_a_class_without_a_symbol_is_kept_as_text(tmp_path):
    scored = scored_of(tmp_path / "a.csv", ["usual", "odd"], labels=("usual", "odd"))
    write(tmp_path / "a", scored, np.zeros(3600))
    read = read_annotations(tmp_path / "a", "edge")
    assert read.symbols == ("Q", "Q")
    assert [text.rstrip("\0") for text in read.aux] == ["usual", "odd"]


def test_a_wfdb_record_opens_with_its_own_signal(tmp_path):
    source = tmp_path / "data"
    source.mkdir()
    signal = np.arange(3600) % 500 - 250
    (source / "100.dat").write_bytes(signal.astype("<i2").tobytes())
    header = "100 1 360 3600\n100.dat 16 200 16 0 -250 0 0 MLII\n"
    (source / "100.hea").write_text(header)
    for _ in range(2):  # a second run replaces the first one's files
        write(tmp_path / "out" / "100", scored_of(source / "100.hea", "NV"), signal / 200)
    assert (tmp_path / "out" / "100.hea").read_text() == header
    opened = read_record(tmp_path / "out" / "100")
    np.testing.assert_array_equal(opened.signal_mv[:, 0], signal / 200)
    assert read_annotations(tmp_path / "out" / "100", "edge").symbols == ("N", "V")


def test_a_link_takes_the_place_of_an_earlier_signal(tmp_path):
    write(tmp_path / "out" / "100", scored_of(tmp_path / "100.csv", "NV"), np.zeros(3600))
    (tmp_path / "100.dat").write_bytes(np.full(3600, 200, "<i2").tobytes())
    (tmp_path / "100.hea").write_text("100 1 360 3600\n100.dat 16 200 16 0 200\n")
    write(tmp_path / "out" / "100", scored_of(tmp_path / "100.hea", "NV"), np.ones(3600))
    assert read_record(tmp_path / "out" / "100").signal_mv.mean() == 1


def test_a_record_that_lies_there_keeps_its_signal(tmp_path):
    signal = np.full(3600, 200, "<i2").tobytes()
    (tmp_path / "100.dat").write_bytes(signal)
    (tmp_path / "100.hea").write_text("100 1 360 3600\n100.dat 16 200 16 0 200\n")
    write(tmp_path / "100", scored_of(tmp_path / "100.hea", "NV"), np.ones(3600))
    assert (tmp_path / "100.dat").read_bytes() == signal
    assert not (tmp_path / "100.dat").is_symlink()


@pytest.mark.parametrize("named", ["esc.edge", "esc.hea", "other.edge"])
def test_a_header_that_names_the_annotations_as_its_signal(tmp_path, named):
    source, out = tmp_path / "data", tmp_path / "out"
    source.mkdir()
    (source / "esc.hea").write_text(f"esc 1 360 3600\n{named} 16 200 16 0 0\n")
    write(out / "esc", scored_of(source / "esc.hea", "NV"), np.zeros(3600))
    assert {path.name for path in out.iterdir()} == {"esc.edge", "esc.hea"}
    assert not any(path.is_symlink() for path in out.iterdir())
    assert read_annotations(out / "esc", "edge").symbols == ("N", "V")


@pytest.mark.parametrize("written", [True, False])
def test_what_was_not_written_here_stays(tmp_path, written):
    """Next to annotations that go, a record of the user's own."""
    if written:
        write(tmp_path / "a", scored_of(tmp_path / "a.csv", "NV"), np.zeros(3600))
    else:
        (tmp_path / "a.hea").write_text("a 1 360 3600\na.dat 16 200 16 0 200\n")
        (tmp_path / "a.dat").write_bytes(bytes(7200))
        write(tmp_path / "a", scored_of(tmp_path / "a.hea", "NV"), np.zeros(3600))
    write(tmp_path / "b", scored_of(tmp_path / "b.csv", "NV"), np.zeros(3600))
    remove_annotated_copies(tmp_path, [tmp_path / "b.edge"])
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"b.edge", "b.hea", "b.dat"} | (set() if written else {"a.hea", "a.dat"})


@pytest.mark.parametrize("offset", [0.0, 3.2, 2048.0])
@pytest.mark.parametrize("size", [1.0, 100.0])
def test_any_other_file_becomes_a_record(tmp_path, offset, size):
    signal = offset + size * np.sin(np.arange(3600) / 20)
    signal[50:60] = np.nan
    write(tmp_path / "ecg", scored_of(tmp_path / "ecg.csv", "NV", rate_hz=250.5), signal)
    opened = read_record(tmp_path / "ecg")
    assert opened.sampling_rate_hz == 250.5
    assert opened.leads == ("MLII",)
    # No note: among others, the checksum is right.
    assert opened.notes == ()
    np.testing.assert_array_equal(np.isnan(opened.signal_mv[:, 0]), np.isnan(signal))
    step_mv = max(1e-3, size / 32_000)
    assert np.nanmax(abs(opened.signal_mv[:, 0] - signal)) <= 1.1 * step_mv


# Its way of calling pandas is deprecated.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_the_reference_reader_opens_it(tmp_path):
    import wfdb

    signal = np.sin(np.arange(3600) / 20)
    write(tmp_path / "ecg", scored_of(Path("ecg.csv"), "NSV", lead=""), signal)
    record = wfdb.rdrecord(str(tmp_path / "ecg"))
    np.testing.assert_allclose(record.p_signal[:, 0], signal, atol=1e-3)
    assert record.units == ["mV"]
    annotation = wfdb.rdann(str(tmp_path / "ecg"), "edge")
    assert annotation.symbol == ["N", "S", "V"]
    assert annotation.sample.tolist() == [100, 400, 700]
    assert annotation.fs == 360
