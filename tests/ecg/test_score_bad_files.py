"""A file that cannot be read costs a line, and no more than itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg import score_file
from edgecnn.ecg.annotations import write_annotations
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.score import score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from tests.ecg.score_recordings import RATE, rows, write_table, write_wfdb


def cut_short(folder):
    write_wfdb(folder / "r", synthetic_ecg(10, RATE))
    (folder / "r.dat").write_bytes((folder / "r.dat").read_bytes()[:1000])


def without_signal(folder):
    write_wfdb(folder / "r", synthetic_ecg(10, RATE))
    (folder / "r.dat").unlink()


def too_large(folder):
    write_wfdb(folder / "r", synthetic_ecg(10, RATE))
    text = (folder / "r.hea").read_text()
    (folder / "r.hea").write_text(text.replace(" 3600\n", " 999999999999\n"))


def rate_zero(folder):
    write_wfdb(folder / "r", synthetic_ecg(10, RATE), rate_hz=0)


def text_header(folder):
    (folder / "r.hea").write_text("not a header at all\n")


def all_nan(folder):
    (folder / "r.csv").write_text("# Sampling rate = 360\nMLII\n" + "nan\n" * 3600)


def words(folder):
    (folder / "r.csv").write_text("# Sampling rate = 360\nMLII\n0.1\nhello\n0.2\n")


def no_rate(folder):
    (folder / "r.csv").write_text("MLII\n" + "0.1\n0.2\n" * 3600)


def other_lead(folder):
    write_table(folder / "r.csv", synthetic_ecg(10, RATE), lead="V1")


def empty_file(folder):
    (folder / "r.csv").write_text("")


def binary_file(folder):
    (folder / "r.csv").write_bytes(bytes(range(256)) * 10)


def pickled(folder):
    np.save(folder / "r.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def short_array(folder):
    np.savez(folder / "r.npz", ecg=np.zeros(20), fs=360)


def orphan_annotation(folder):
    write_annotations(folder / "r.atr", np.array([100]), ["N"])


def infinite(folder):
    np.savez(folder / "r.npz", ecg=np.full(3600, np.inf), fs=360)


def unknown_unit(folder):
    write_wfdb(folder / "r", synthetic_ecg(10, RATE))
    text = (folder / "r.hea").read_text()
    (folder / "r.hea").write_text(text.replace(" 1000 ", " 1000/furlong "))


def write_edf(path, label, signal):
    import pyedflib

    writer = pyedflib.EdfWriter(str(path), 1, file_type=pyedflib.FILETYPE_EDFPLUS)
    writer.setSignalHeaders(
        [
            {
                **{"label": label, "dimension": "uV", "sample_frequency": 100},
                **{"physical_min": -2000, "physical_max": 2000},
                **{"digital_min": -32768, "digital_max": 32767},
                **{"transducer": "", "prefilter": ""},
            }
        ]
    )
    writer.writeSamples([signal])
    writer.close()


def edf_without_ecg(folder):
    write_edf(folder / "r.edf", "EEG Fpz-Cz", np.zeros(1000))


def edf_cut_short(folder):
    write_edf(folder / "r.edf", "ECG II", np.zeros(1000))
    content = bytearray((folder / "r.edf").read_bytes())
    (folder / "r.edf").write_bytes(content[: len(content) // 3])


def segment_missing(folder):
    (folder / "r.hea").write_text("r/2 1 360 7200\ns 3600\nt 3600\n")
    write_wfdb(folder / "s", synthetic_ecg(10, RATE))
    (folder / "s.atr").unlink()


def signal_unreadable(folder):
    write_wfdb(folder / "r", synthetic_ecg(10, RATE))
    (folder / "r.dat").unlink()
    (folder / "r.dat").mkdir()


def segment_of_itself(folder):
    (folder / "r.hea").write_text("r/2 1 360 7200\nr 3600\nr 3600\n")


def unknown_format(folder):
    write_wfdb(folder / "r", synthetic_ecg(10, RATE))
    header = (folder / "r.hea").read_text().replace(".dat 16 ", ".dat 999 ")
    (folder / "r.hea").write_text(header)


def header_of_one_word(folder):
    (folder / "r.hea").write_text("r\n")


def edf_without_range(folder):
    write_edf(folder / "r.edf", "ECG II", np.zeros(1000))
    content = (folder / "r.edf").read_bytes()
    # Physical minimum and maximum of the first of two signals; the second holds annotations.
    changed = content[:464] + b"5       " + content[472:480] + b"5       " + content[488:]
    (folder / "r.edf").write_bytes(changed)


def edf_without_samples(folder):
    write_edf(folder / "r.edf", "ECG II", np.zeros(1000))
    content = (folder / "r.edf").read_bytes()
    (folder / "r.edf").write_bytes(content[:688] + b"0       0       " + content[704:])


def two_rates(folder):
    np.savez(folder / "r.npz", ecg=np.zeros(9000), fs=[360.0, 250.0])


BAD = {
    segment_of_itself: "its segment r has segments itself",
    unknown_format: "WFDB has no signal format 999",
    header_of_one_word: "is no WFDB header: a line is too short",
    edf_without_range: "goes from 5 to 5 uV: no range",
    edf_without_samples: "0 samples in a data record",
    two_rates: "states 2 sampling rates",
    unknown_unit: "furlong",
    edf_without_ecg: "holds no ECG: its signals are EEG Fpz-Cz",
    edf_cut_short: "promises 10 data records, it holds 1",
    segment_missing: "made of segments, and the header of t is not beside it",
    signal_unreadable: "names the signal file r.dat, which is not beside it",
    cut_short: "promises 3600 samples, r.dat holds 500",
    without_signal: "names the signal file r.dat, which is not beside it",
    too_large: "promises 999999999999 samples",
    rate_zero: "states a sampling rate of 0 Hz",
    text_header: "is no WFDB header",
    all_nan: "lead MLII has no valid sample",
    words: "line 4: 'hello' is no number",
    no_rate: "states no sampling rate",
    other_lead: "has no lead MLII; it has V1",
    empty_file: "is empty",
    binary_file: "is no text",
    pickled: "is no readable NumPy file",
    short_array: "too short for heartbeats",
    orphan_annotation: "annotates a record that is not there",
    infinite: "lead MLII has no valid sample",
}


@pytest.mark.parametrize("spoil", BAD, ids=lambda spoil: spoil.__name__)
def test_a_bad_file_is_one_line_and_the_rest_goes_on(model, tmp_path, spoil):
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.mkdir()
    spoil(bad)
    write_table(good / "a.csv", synthetic_ecg(10, RATE))
    write_table(good / "z.csv", synthetic_ecg(10, RATE))
    said = []
    summary = score_records(model, [bad, good], tmp_path / "out", on_error=said.append)
    assert [record.record for record in summary.records] == ["good/a", "good/z"]
    (row,) = rows(tmp_path / "out" / "errors.csv")
    assert BAD[spoil] in row["reason"]
    assert Path(row["path"]).name.startswith("r.")
    assert "\n" not in row["reason"]
    assert row["hint"]
    assert [p.reason for p in said] == [row["reason"]]
    # The path stands beside it.
    assert str(bad) not in row["reason"]
    assert row["reason"].count(Path(row["path"]).name) <= (
        spoil in (without_signal, signal_unreadable)
    )
    assert summary.problems == tuple(said)
    assert BAD[spoil].split(",")[0].split("'")[0] in (tmp_path / "out" / "report.html").read_text()
    # Nothing of the bad one is left.
    assert not (tmp_path / "out" / "annotations" / "bad").exists()


def test_nothing_but_bad_records_still_gives_tables(model, tmp_path):
    (tmp_path / "in").mkdir()
    no_rate(tmp_path / "in")
    summary = score_records(model, [tmp_path / "in"], tmp_path / "out")
    assert summary.records == ()
    assert rows(tmp_path / "out" / "records.csv") == []
    assert len(rows(tmp_path / "out" / "errors.csv")) == 1
    assert "states no sampling rate" in (tmp_path / "out" / "report.html").read_text()


def test_a_missing_annotator_is_a_problem_of_its_record(model, recordings, tmp_path):
    summary = score_records(model, [recordings], tmp_path, beats="atr")
    assert [record.record for record in summary.records] == ["one/100", "two/100"]
    assert "no annotation file" in summary.problems[0].error.message


def test_an_annotator_without_beats_is_a_problem(model, tmp_path):
    write_wfdb(tmp_path / "in" / "r", synthetic_ecg(10, RATE))
    write_annotations(tmp_path / "in" / "r.qrs", np.array([5]), ["+"])
    summary = score_records(model, [tmp_path / "in"], tmp_path / "out", beats="qrs")
    assert "marks no beats" in summary.problems[0].error.message


def save_damaged(path, ecg):
    """A compressed archive with a few bytes of its signal spoilt."""
    np.savez_compressed(path, ecg=ecg, fs=360.0)
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)


def test_odd_files_cost_no_more_than_themselves(model, tmp_path):
    folder = tmp_path / "in"
    ecg = synthetic_ecg(20, RATE, seed=1).signal_mv
    write_table(folder / "good.csv", synthetic_ecg(20, RATE, seed=1))
    (folder / "rate.csv").write_text("# Sampling rate = 1.2.3\nMLII\n" + "0.1\n0.2\n" * 3600)
    (folder / "time.csv").write_text("time,MLII\n0,0.1\n1e308,0.2\n1.7e308,0.1\n")
    np.savez(folder / "unit.npz", ecg=ecg, fs="360 Hz")
    save_damaged(folder / "damaged.npz", ecg)
    np.savez(folder / "huge.npz", ecg=np.full(3600, 1e308), fs=360)
    summary = score_records(model, [folder], tmp_path / "out")
    assert [record.record for record in summary.records] == ["good"]
    errors = {Path(r["path"]).name: r["reason"] for r in rows(tmp_path / "out" / "errors.csv")}
    assert set(errors) == {"rate.csv", "time.csv", "unit.npz", "damaged.npz", "huge.npz"}
    assert "sampling rate of '1.2.3': no number" in errors["rate.csv"]
    assert "Hz: no ECG's" in errors["time.csv"]
    assert "sampling rate of '360 Hz': no number" in errors["unit.npz"]
    assert "no readable NumPy file" in errors["damaged.npz"]
    assert "every sample lies beyond 10000 mV" in errors["huge.npz"]
    # With the rate given, nothing is wrong with these.
    paths = [folder / "rate.csv", folder / "unit.npz"]
    assert score_records(model, paths, tmp_path / "again", rate_hz=RATE).problems == ()


def test_samples_that_are_no_voltage_are_missing(model, tmp_path):
    signal = synthetic_ecg(20, RATE, seed=1).signal_mv.copy()
    signal[1000:1100] = 1e308
    np.savez(tmp_path / "r.npz", ecg=signal, fs=RATE)
    (record,) = score_records(model, [tmp_path / "r.npz"], tmp_path / "out").records
    assert "100 samples beyond 10000 mV taken as missing" in record.notes
    opened = read_record(tmp_path / "out" / "annotations" / "r").signal_mv[:, 0]
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(opened)), np.arange(1000, 1100))


@pytest.mark.parametrize("where", ["open_record", "cut_strips", "make_part"])
def test_an_error_nobody_thought_of_costs_one_record(model, tmp_path, monkeypatch, where):
    for name in "az":
        write_table(tmp_path / "in" / f"{name}.csv", synthetic_ecg(10, RATE))
    real, calls = getattr(score_file, where), []

    def odd(*arguments, **options):
        calls.append(1)
        if len(calls) == 1:
            raise OverflowError("too\nlarge")
        return real(*arguments, **options)

    monkeypatch.setattr(score_file, where, odd)
    summary = score_records(model, [tmp_path / "in"], tmp_path / "out")
    assert [record.record for record in summary.records] == ["z"]
    (row,) = rows(tmp_path / "out" / "errors.csv")
    assert row["reason"] == "cannot be scored: too large"
    left = {path.name for path in (tmp_path / "out" / "annotations").iterdir()}
    assert left == {"z.edge", "z.hea", "z.dat"}
