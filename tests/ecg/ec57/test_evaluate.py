from __future__ import annotations

import shutil

import numpy as np
import pytest

from edgecnn.ecg.annotations import write_annotations
from edgecnn.ecg.ec57.comparison import Protocol
from edgecnn.ecg.ec57.evaluate import evaluate_records
from edgecnn.errors import DataError, UsageError

ALL = Protocol(start_s=0)


def write(folder, name, annotator, symbols, *, header=True, rate=None):
    folder.mkdir(parents=True, exist_ok=True)
    samples = 100 + 100 * np.arange(len(symbols))
    write_annotations(folder / f"{name}.{annotator}", samples, symbols, sampling_rate_hz=rate)
    if header:
        (folder / f"{name}.hea").write_text(f"{name} 1 100 5000\n{name}.dat 16 200 16 0 0 0 0 II\n")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "records"
    write(folder, "a", "atr", "NNVN")
    write(folder, "a", "edge", "NNVN")
    write(folder / "deep", "b", "atr", "NNVVN")
    write(folder / "deep", "b", "edge", "NNNVN")
    return folder


def names(evaluation):
    return [record.name for record in evaluation.records]


def test_a_folder_is_searched(folder):
    done = evaluate_records([folder], protocol=ALL)
    assert names(done) == ["a", "deep/b"]
    assert done.problems == ()
    assert done.statistics["veb_sensitivity"].gross == pytest.approx(2 / 3)
    assert done.statistics["veb_sensitivity"].average == pytest.approx(0.75)
    assert done.records[0].comparison.duration_s == 50.0


@pytest.mark.parametrize("path", ["a", "a.hea", "a.atr", "[a]*", "a*"])
def test_one_record_however_it_is_named(folder, path):
    assert names(evaluate_records([folder / path], protocol=ALL)) == ["a"]


def test_the_test_annotators_files_may_lie_elsewhere(folder, tmp_path):
    """Under the record's name, as scoring writes them; or under that of its file alone."""
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, "a", "atr", "NNNN", header=False)
    write(elsewhere / "deep", "b", "atr", "NNNNN", header=False)
    write(elsewhere, "b", "atr", "VVVVV", header=False)
    done = evaluate_records([folder], test="atr", test_dir=elsewhere, protocol=ALL)
    assert done.statistics["veb_sensitivity"].part == 0
    alone = evaluate_records([folder / "deep/b"], test="atr", test_dir=elsewhere, protocol=ALL)
    assert alone.statistics["veb_sensitivity"].part == 2


def test_what_is_missing_is_listed_and_the_rest_goes_on(folder):
    (folder / "a.edge").unlink()
    write(folder, "c", "edge", "NNN")
    done = evaluate_records([folder, folder / "nosuch"], protocol=ALL)
    assert names(done) == ["deep/b"]
    assert {(p.path.removeprefix(f"{folder}/"), p.reason) for p in done.problems} == {
        ("a.edge", "no annotation file"),
        ("c.atr", "no annotation file"),
        ("nosuch", "no such file or folder"),
    }


def test_a_broken_file_is_listed(folder):
    content = (folder / "a.edge").read_bytes()
    (folder / "a.edge").write_bytes(content[:-3])
    (folder / "deep" / "b.hea").write_text("b 1 0 5000\nb.dat 16 200 16 0 0 0 0 II\n")
    done = evaluate_records([folder], protocol=ALL)
    assert not done.records
    assert done.statistics == {}
    assert [problem.path for problem in done.problems] == [
        str(folder / "a.hea"),
        str(folder / "deep" / "b.hea"),
    ]
    assert "ends in the middle" in done.problems[0].reason
    assert "sampling rate of 0 Hz" in done.problems[1].reason


def test_annotations_need_no_record(tmp_path):
    """Their rate is in the file, or is given."""
    write(tmp_path, "x", "atr", "NVN", header=False, rate=100)
    write(tmp_path, "x", "edge", "NVN", header=False)
    write(tmp_path, "y", "atr", "NVN", header=False)
    write(tmp_path, "y", "edge", "NVN", header=False)
    done = evaluate_records([tmp_path], protocol=ALL)
    assert names(done) == ["x"]
    (problem,) = done.problems
    assert "sampling rate" in problem.reason
    assert "--rate" in (problem.error.hint or "")
    assert names(evaluate_records([tmp_path], protocol=ALL, rate_hz=100)) == ["x", "y"]


def test_a_file_without_samples_in_another_format_is_passed_over(folder):
    (folder / "signal.csv").write_text("II\n" + "0.1\n" * 50)
    assert names(evaluate_records([folder], protocol=ALL)) == ["a", "deep/b"]
    done = evaluate_records([folder / "a", folder / "signal.csv"], protocol=ALL)
    assert [p.path for p in done.problems] == [str(folder / "signal.atr")]


def test_nothing_to_compare(tmp_path, folder):
    with pytest.raises(UsageError, match="compared with itself"):
        evaluate_records([folder], reference="atr", test="atr")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no records in"):
        evaluate_records([empty])
    with pytest.raises(DataError, match="first problem: no records in"):
        evaluate_records([empty, tmp_path / "nosuch"])


def test_progress_counts_all_records(folder):
    calls = []
    evaluate_records([folder], protocol=ALL, progress=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)]


@pytest.mark.data
def test_the_reference_beats_of_ds2(data_root, tmp_path):
    """DS2 against itself from the first beat: the known number of beats, each on the diagonal."""
    ds2 = "100 103 105 111 113 117 121 123 200 202 210 212 213 214 219 221 222 228 231 232 233 234"
    paths = [data_root / "mitdb" / name for name in ds2.split()]
    for path in paths:
        shutil.copy(path.with_suffix(".atr"), tmp_path)
    done = evaluate_records(paths, test="atr", test_dir=tmp_path, protocol=ALL)
    matrix = sum(record.comparison.beats.matrix for record in done.records)
    assert matrix.diagonal().tolist() == [44_259, 1_837, 3_221, 388, 7, 0, 0]
    assert matrix.sum() == 44_259 + 1_837 + 3_221 + 388 + 7
    assert all(
        one.gross in (None, 1.0)
        for name, one in done.statistics.items()
        if not name.endswith("rate")
    )
