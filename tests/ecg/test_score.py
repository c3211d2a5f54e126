"""Files in, tables out: whole or not at all."""

import csv
import fcntl
import json
import os
import shutil
import signal as signals
import subprocess
import sys
import textwrap
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgecnn import metadata
from edgecnn.ecg import results_folder, score_file
from edgecnn.ecg.aami import CLASS_OF_SYMBOL
from edgecnn.ecg.annotations import read_annotations, write_annotations
from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.results_folder import open_results
from edgecnn.ecg.score import Progress, score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import DataError, EdgeCNNError, MissingFileError, TaskError, UsageError
from edgecnn.runtime.session import load_model

RATE = 360.0
TABLES = {"records.csv", "beats.csv", "errors.csv", "report.html"}
RESULTS = TABLES | {"annotations", "records"}
RECORD_COLUMNS = [
    *("record", "path", "duration_s", "sampling_rate_hz", "lead", "beats"),
    *("N", "S", "V", "F", "Q"),
    *("heart_rate_bpm_mean", "heart_rate_bpm_min", "heart_rate_bpm_max"),
    *("sdnn_ms", "rmssd_ms", "pvc_burden_percent", "sve_burden_percent"),
    *("flat_s", "saturated_s", "noise_s", "gaps_s", "notes", "remarks"),
]


@pytest.fixture(scope="module")
def model(beat_model):
    return load_model(beat_model)


def write_table(path, ecg, rate_hz=RATE, lead="MLII"):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"# Sampling rate = {rate_hz:g}", lead, *(f"{v:.4f}" for v in ecg.signal_mv)]
    path.write_text("\n".join(lines) + "\n")


def write_wfdb(base, ecg, rate_hz=RATE, lead="MLII"):
    """A record in format 16 with its reference annotations."""
    base.parent.mkdir(parents=True, exist_ok=True)
    steps = np.rint(ecg.signal_mv * 1000).astype("<i2")
    base.with_suffix(".dat").write_bytes(steps.tobytes())
    base.with_suffix(".hea").write_text(
        f"{base.name} 1 {rate_hz:g} {len(steps)}\n"
        f"{base.name}.dat 16 1000 16 0 {steps[0]} {checksum(steps)} 0 {lead}\n"
    )
    write_annotations(base.with_suffix(".atr"), ecg.samples, ecg.symbols)


def checksum(steps):
    return int(np.int64(steps.sum(dtype=np.int64)).astype(np.int16))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Three records of two formats, two of them of one name, and files that are none."""
    folder = tmp_path_factory.mktemp("recordings")
    write_wfdb(folder / "one" / "100", synthetic_ecg(40, RATE, seed=1))
    write_wfdb(folder / "two" / "100", synthetic_ecg(60, RATE, seed=2))
    write_table(folder / "ecg.csv", synthetic_ecg(50, 250, seed=3), 250)
    (folder / "README.txt").write_text("Three records.\n")
    return folder


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# --- what is written -----------------------------------------------------------------------------


def test_tables_agree_with_each_other_and_with_the_pure_function(model, recordings, tmp_path):
    progress = []
    summary = score_records(model, [recordings], tmp_path / "out", progress=progress.append)
    out = tmp_path / "out"
    assert {p.name for p in out.iterdir()} == RESULTS
    records, beats = rows(out / "records.csv"), rows(out / "beats.csv")
    assert list(records[0]) == RECORD_COLUMNS
    assert [r["record"] for r in records] == ["ecg", "one/100", "two/100"]
    assert list(beats[0]) == ["record", "sample", "time_s", "symbol", "class", "score"]
    assert rows(out / "errors.csv") == []
    assert (out / "errors.csv").read_text() == "path,reason,hint\n"
    assert progress == [Progress(1, 3, 0), Progress(2, 3, 0), Progress(3, 3, 0)]
    for row, result in zip(records, summary.records, strict=True):
        own = [b for b in beats if b["record"] == row["record"]]
        scored = classify_record(read_record(row["path"]), model)
        assert [int(b["sample"]) for b in own] == scored.samples.tolist()
        assert [b["class"] for b in own] == list(scored.classes)
        assert {b["symbol"] for b in own} <= {"N", "S", "V", "F", "Q"}
        np.testing.assert_allclose([float(b["score"]) for b in own], scored.scores, atol=6e-5)
        times = scored.samples / scored.sampling_rate_hz
        np.testing.assert_allclose([float(b["time_s"]) for b in own], times, atol=6e-5)
        assert {name: int(row[name]) for name in "NSVFQ"} == scored.counts
        assert int(row["beats"]) == len(own) == sum(scored.counts.values())
        assert float(row["duration_s"]) == scored.duration_s
        assert float(row["sampling_rate_hz"]) == scored.sampling_rate_hz
        assert row["notes"] == "; ".join(scored.notes)
        # What the summary gives is read back from the annotation file.
        np.testing.assert_array_equal(result.samples, scored.samples)
        assert result.classes == scored.classes
    assert summary.ecg_seconds == 150
    assert summary.report == out / "report.html"


def test_rates_and_burden_are_right(model, recordings, tmp_path):
    score_records(model, [recordings / "one"], tmp_path)
    (row,) = rows(tmp_path / "records.csv")
    ecg = synthetic_ecg(40, RATE, seed=1)
    expected = 60 * (len(ecg.samples) - 1) / ((ecg.samples[-1] - ecg.samples[0]) / RATE)
    assert float(row["heart_rate_bpm_mean"]) == pytest.approx(expected, abs=0.2)
    mean, low, high = (float(row[f"heart_rate_bpm_{name}"]) for name in ("mean", "min", "max"))
    assert 60 < low < mean < high < 90
    pvcs = ecg.symbols.count("V")
    assert int(row["V"]) == pvcs > 2
    assert float(row["pvc_burden_percent"]) == pytest.approx(
        100 * pvcs / len(ecg.samples), abs=1e-3
    )


def test_each_record_has_an_annotation_file_and_a_header(model, recordings, tmp_path):
    summary = score_records(model, [recordings], tmp_path)
    folder = tmp_path / "annotations"
    for row in rows(tmp_path / "records.csv"):
        base = folder / row["record"]
        annotations = read_annotations(base, "edge")
        assert len(annotations) == int(row["beats"])
        assert annotations.sampling_rate_hz == float(row["sampling_rate_hz"])
        # A viewer finds the signal that the samples count in.
        opened = read_record(base)
        assert opened.sampling_rate_hz == float(row["sampling_rate_hz"])
        assert opened.duration_s == float(row["duration_s"])
    assert [Path(r.annotations) for r in summary.records] == [
        folder / "ecg.edge",
        folder / "one/100.edge",
        folder / "two/100.edge",
    ]


def test_json_lines_say_what_the_table_says(model, recordings, tmp_path):
    score_records(model, [recordings], tmp_path, jsonl=True)
    lines = [json.loads(line) for line in (tmp_path / "beats.jsonl").read_text().splitlines()]
    table = rows(tmp_path / "beats.csv")
    assert len(lines) == len(table) > 100
    for line, row in zip(lines, table, strict=True):
        assert list(line) == list(row)
        assert (line["record"], line["class"]) == (row["record"], row["class"])
        assert line["sample"] == int(row["sample"])
        assert line["score"] == pytest.approx(float(row["score"]))
    # Without them, none of an earlier run stay.
    score_records(model, [recordings], tmp_path)
    assert not (tmp_path / "beats.jsonl").exists()


def test_each_record_has_a_document_that_says_what_the_tables_say(model, recordings, tmp_path):
    score_records(model, [recordings], tmp_path)
    beats = rows(tmp_path / "beats.csv")
    for row in rows(tmp_path / "records.csv"):
        found = json.loads((tmp_path / "records" / f"{row['record']}.json").read_text())
        assert "not a medical device" in found["note"]
        own = [b for b in beats if b["record"] == row["record"]]
        assert found["beats"]["sample"] == [int(b["sample"]) for b in own]
        assert found["beats"]["class"] == [b["class"] for b in own]
        scores = [float(b["score"]) for b in own]
        assert found["beats"]["score"] == pytest.approx(scores, abs=1e-9)
        assert found["hrv"]["sdnn_ms"] == pytest.approx(float(row["sdnn_ms"]), abs=0.051)
        assert found["hrv"]["rmssd_ms"] == pytest.approx(float(row["rmssd_ms"]), abs=0.051)
        burden = float(row["pvc_burden_percent"])
        assert found["ectopy"]["V"]["burden_percent"] == pytest.approx(burden, abs=6e-4)
        assert found["ectopy"]["V"]["beats"] == int(row["V"]) == found["counts"]["V"]
        assert found["quality"] == {
            **{"gaps_s": 0, "flat_s": 0, "saturated_s": 0, "noise_s": 0},
            "remarks": [],
        }
        page = (tmp_path / "records" / f"{row['record']}.html").read_text()
        assert page.count("not a medical device") == 2
        assert page.count('<figure class="strip">') > 2
        up = "../" * (row["record"].count("/") + 1)
        assert f'href="{up}report.html"' in page


def test_pages_of_records_that_are_gone_do_not_stay_and_others_do(model, recordings, tmp_path):
    score_records(model, [recordings], tmp_path)
    (tmp_path / "records" / "mine.html").write_text("<!doctype html>\n<p>My own notes")
    score_records(model, [recordings / "one"], tmp_path)
    left = {
        p.relative_to(tmp_path / "records").as_posix() for p in (tmp_path / "records").rglob("*")
    }
    assert left == {"mine.html", "100.html", "100.json"}


def test_shards_are_disjoint_and_keep_the_names(model, recordings, tmp_path):
    (bad := tmp_path / "bad.csv").write_text("MLII\nx\n")
    whole = score_records(model, [recordings, bad], tmp_path / "out")
    found = []
    for number in (1, 2):
        out = tmp_path / f"out{number}"
        summary = score_records(model, [recordings, bad], out, shard=(number, 2))
        found += rows(out / "records.csv")
        assert len(summary.records) + len(summary.problems) == 2
    expected = rows(tmp_path / "out" / "records.csv")
    assert sorted(found, key=lambda row: row["record"]) == expected
    assert len(whole.problems) == 1
    for shard in ((0, 2), (3, 2), (1, 0)):
        with pytest.raises(UsageError, match="is none"):
            score_records(model, [recordings], tmp_path / "out", shard=shard)


def test_a_manifest_says_what_is_special_about_a_record(model, tmp_path):
    ecg = synthetic_ecg(20, 250, seed=4)
    np.savez(
        tmp_path / "x.npz", ecg=np.stack([ecg.signal_mv, -ecg.signal_mv], 1), leads=["V5", "I"]
    )
    write_wfdb(tmp_path / "100", synthetic_ecg(20, RATE, seed=1))
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "path,record,lead,rate_hz,beats\n"
        "x.npz,first/a b,V5,250,\nx.npz,second,I,250,\n100,,,,atr\nnone.csv,,,,\n"
    )
    summary = score_records(model, [], tmp_path / "out", manifest=manifest)
    table = rows(tmp_path / "out" / "records.csv")
    assert [(row["record"], row["lead"]) for row in table] == [
        ("first/a_b", "V5"),
        ("second", "I"),
        ("100", "MLII"),
    ]
    assert [Path(p.path).name for p in summary.problems] == ["none.csv"]
    expected = synthetic_ecg(20, RATE, seed=1).samples
    assert summary.records[2].samples.tolist() == expected.tolist()


def test_beats_of_an_annotator(model, recordings, tmp_path):
    score_records(model, [recordings / "one"], tmp_path, beats="atr")
    ecg = synthetic_ecg(40, RATE, seed=1)
    table = rows(tmp_path / "beats.csv")
    assert [int(row["sample"]) for row in table] == ecg.samples.tolist()
    assert [row["class"] for row in table] == list(ecg.symbols)


def test_an_annotator_that_counts_at_another_rate(model, tmp_path):
    ecg = synthetic_ecg(40, RATE, seed=1)
    write_wfdb(tmp_path / "in" / "100", ecg)
    write_annotations(
        tmp_path / "in" / "100.qrs", ecg.samples * 2, ecg.symbols, sampling_rate_hz=2 * RATE
    )
    score_records(model, [tmp_path / "in"], tmp_path / "out", beats="qrs")
    table = rows(tmp_path / "out" / "beats.csv")
    assert [int(row["sample"]) for row in table] == ecg.samples.tolist()


@pytest.mark.parametrize(("name", "escape"), [("literature", "N"), ("bxb", "S")])
def test_a_class_map_counts_symbols_as_classes(beat_model, recordings, tmp_path, name, escape):
    """What the rule calls N and V are atrial and nodal escape beats here."""
    stored = onnx.load(beat_model)
    contract = next(p for p in stored.metadata_props if p.key == metadata.CONTRACT_KEY)
    contract.value = contract.value.replace('["N","S","V","F"]', '["e","A","j","F"]')
    onnx.save(stored, tmp_path / "symbols.onnx")
    model = load_model(tmp_path / "symbols.onnx")
    plain = score_records(model, [recordings], tmp_path / "plain").records
    assert list(plain[0].counts) == ["e", "A", "j", "F", "Q"]
    mapped = score_records(model, [recordings], tmp_path / "out", class_map=name).records
    of_symbol = {"e": escape, "j": escape, "A": "S", "F": "F", "Q": "Q"}
    for before, after in zip(plain, mapped, strict=True):
        assert before.counts["e"]
        assert before.counts["j"]
        summed = Counter()
        for symbol, count in before.counts.items():
            summed[of_symbol[symbol]] += count
        assert {name: n for name, n in after.counts.items() if n} == +summed
        assert after.ectopy["S"].beats == summed["S"]
        assert after.classes == tuple(of_symbol[symbol] for symbol in before.classes)
        # Intervals count as normal where both beats are of class N.
        normal = sum(one == next_ == "N" for one, next_ in pairwise(after.classes))
        assert after.variability.intervals == normal
    header = (tmp_path / "out" / "records.csv").read_text().splitlines()[0].split(",")
    assert header.count("S") == 1
    pairs = {(b["symbol"], b["class"]) for b in rows(tmp_path / "out" / "beats.csv")}
    assert {("e", escape), ("j", escape)} <= pairs
    if name == "bxb":
        assert 'class="strip"' in (tmp_path / "out" / "records" / "ecg.html").read_text()


def test_an_unknown_class_map_is_refused_before_anything_is_written(model, recordings, tmp_path):
    with pytest.raises(UsageError, match="unknown class map: mine"):
        score_records(model, [recordings], tmp_path / "out", class_map="mine")
    assert not (tmp_path / "out").exists()


def test_a_name_with_a_comma_stays_one_cell(model, tmp_path):
    write_table(tmp_path / "in" / "a, b" / "x.csv", synthetic_ecg(10, RATE))
    score_records(model, [tmp_path / "in"], tmp_path / "out")
    assert rows(tmp_path / "out" / "records.csv")[0]["record"] == "a, b/x"
    assert {row["record"] for row in rows(tmp_path / "out" / "beats.csv")} == {"a, b/x"}


def test_results_inside_the_searched_folder_are_not_read_again(model, tmp_path):
    write_table(tmp_path / "a.csv", synthetic_ecg(10, RATE))
    for _ in range(2):
        summary = score_records(model, [tmp_path], tmp_path / "out")
        assert [record.record for record in summary.records] == ["a"]
        assert summary.problems == ()


def test_a_link_of_an_earlier_run_does_not_change_the_source(model, recordings, tmp_path):
    """Results of a WFDB record link to its signal: a CSV of that name must not write into it."""
    source = shutil.copytree(recordings / "one", tmp_path / "in")
    score_records(model, [source], tmp_path / "out")
    before = (source / "100.dat").read_bytes()
    write_table(tmp_path / "other" / "100.csv", synthetic_ecg(10, RATE))
    score_records(model, [tmp_path / "other"], tmp_path / "out")
    assert (source / "100.dat").read_bytes() == before
    assert read_record(tmp_path / "out" / "annotations" / "100").duration_s == 10


# --- what goes wrong -----------------------------------------------------------------------------


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
    empty_file: "holds no samples",
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


@pytest.mark.parametrize(
    ("make", "error"),
    [("folder", DataError), ("nothing", MissingFileError), ("no paths", UsageError)],
)
def test_without_a_single_record_nothing_is_written(model, tmp_path, make, error):
    if make == "folder":
        (tmp_path / "in").mkdir()
    paths = [] if make == "no paths" else [tmp_path / "in"]
    with pytest.raises(error):
        score_records(model, paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_paths_without_a_record_are_one_error(model, tmp_path):
    with pytest.raises(DataError, match="no record in any of 2 paths"):
        score_records(model, [tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_picture_model_is_refused_before_anything_is_written(picture_model, recordings, tmp_path):
    with pytest.raises(TaskError) as caught:
        score_records(load_model(picture_model), [recordings], tmp_path / "out")
    assert "edgecnn predict" in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_the_searched_folder_cannot_be_the_results(model, recordings):
    with pytest.raises(UsageError, match="both searched for records and to be written to"):
        score_records(model, [recordings], recordings / "one" / "..")


def test_results_cannot_go_into_a_file(model, recordings, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(EdgeCNNError, match="cannot write to"):
        score_records(model, [recordings], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_two_runs_do_not_write_to_one_folder(model, recordings, tmp_path):
    score_records(model, [recordings], tmp_path)
    (tmp_path / ".parts").mkdir()
    (tmp_path / ".parts" / "of the other run").touch()
    other = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(EdgeCNNError, match="another run is writing to"):
            score_records(model, [recordings], tmp_path)
        assert (tmp_path / ".parts" / "of the other run").exists()
    finally:
        os.close(other)


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


def test_annotations_of_records_that_are_gone_do_not_stay(model, recordings, tmp_path):
    source = Path(shutil.copytree(recordings, tmp_path / "in"))
    score_records(model, [source], tmp_path / "out")
    (source / "ecg.csv").unlink()
    shutil.rmtree(source / "two")
    score_records(model, [source], tmp_path / "out")
    folder = tmp_path / "out" / "annotations"
    left = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}
    assert left == {"one/100.edge", "one/100.hea", "one/100.dat"}
    assert not (folder / "two").exists()
    assert (source / "one" / "100.dat").stat().st_size > 0


# --- killed --------------------------------------------------------------------------------------

KILLED = """
    import os, signal, sys
    from pathlib import Path
    from edgecnn.ecg import results_folder, score
    from edgecnn.runtime.session import load_model

    model, paths, out, when = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]
    tables = "csv"

    def end(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    if when == "after the first record":
        progress = end
    elif when == "in a Parquet table":
        from edgecnn.ecg.parquet_tables import ParquetTables

        progress, tables = None, "parquet"
        whole = ParquetTables._write_beats
        # Rows are in the file, what ends it is not.
        ParquetTables._write_beats = lambda self: (whole(self), end())
    else:
        progress = None
        # The tables are written, the report is not.
        real = score.write_report
        score.write_report = lambda path, *_, **__: (path.write_text("<!doctype"), end())
    score.score_records(load_model(model), [paths], out, progress=progress, tables=tables)
"""


@pytest.mark.parametrize("when", ["after the first record", "in the report", "in a Parquet table"])
@pytest.mark.parametrize("again", [False, True], ids=["first run", "second run"])
def test_killed_it_leaves_no_half_table(beat_model, model, recordings, tmp_path, when, again):
    out = tmp_path / "out"
    before = {}
    if again:
        score_records(model, [recordings / "one"], out)
        before = visible(out)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), beat_model, recordings, out, when],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signals.SIGKILL, done.stderr
    assert visible(out) == before
    # The next run is as if nothing had been.
    summary = score_records(model, [recordings], out)
    assert len(summary.records) == 3
    assert {p.name for p in out.iterdir()} == RESULTS
    assert len(rows(out / "records.csv")) == 3


def visible(out):
    """What a person finds there, by name: contents, or where a link leads."""
    if not out.exists():
        return {}
    found = {}
    for path in out.rglob("*"):
        name = path.relative_to(out)
        if not path.is_dir() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = path.readlink() if path.is_symlink() else path.read_bytes()
    return found


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """So many records that a run can be stopped among them."""
    folder = tmp_path_factory.mktemp("many")
    np.savez(folder / "000.npz", ecg=synthetic_ecg(120, RATE, seed=1).signal_mv, fs=RATE)
    for number in range(1, 50):
        (folder / f"{number:03}.npz").hardlink_to(folder / "000.npz")
    return folder


@pytest.mark.parametrize("stop", [signals.SIGINT, signals.SIGKILL])
@pytest.mark.parametrize("again", [False, True], ids=["first run", "second run"])
def test_stopped_in_the_middle_it_leaves_what_was_there(
    beat_model, model, many, tmp_path, stop, again
):
    """The command itself, stopped by a person or by the system; the next run is a whole one."""
    out = tmp_path / "out"
    if again:
        score_records(model, [many / "000.npz"], out)
    before = visible(out)
    assert len(before) == (9 if again else 0)
    command = [sys.executable, "-m", "edgecnn", "score", beat_model, many, "-o", out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 60
        while len(list(out.glob(".parts/*.part"))) < 5:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        running.send_signal(stop)
        stdout, stderr = running.communicate(timeout=30)
    assert running.returncode == (130 if stop == signals.SIGINT else -stop)
    assert stdout == b""
    assert b"Traceback" not in stderr
    assert visible(out) == before
    if stop == signals.SIGINT:
        assert b"of 50 records are done; the same command goes on." in stderr
    # What was done is not done again, and not told twice.
    summary = score_records(load_model(beat_model, threads=1), [many], out)
    assert 5 <= summary.resumed < 50
    assert [record.record for record in summary.records] == [f"{n:03}" for n in range(50)]
    assert {p.name for p in out.iterdir()} == RESULTS
    table = rows(out / "beats.csv")
    assert len(table) == 50 * summary.records[0].beats
    assert len(visible(out)) == 4 + 5 * 50


def children_of(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("tables", "times"), [("csv", 2), pytest.param("parquet", 8, marks=pytest.mark.long)]
)
def test_killed_again_and_again_nothing_is_lost_and_nothing_is_there_twice(
    beat_model, model, many, tmp_path, tables, times
):
    """The command with two workers, killed at whatever moment it happens to be in."""
    out = tmp_path / "out"
    names = [f"{name}.{tables}" for name in ("records", "beats", "errors")]
    command = [sys.executable, "-m", "edgecnn", "score", beat_model, many, "-o", out]
    command += ["--workers", "2", "--tables", tables, "--json"]
    random = np.random.default_rng(len(tables))
    kills = 0
    while True:
        done = len(list(out.glob(".parts/*.part")))
        enough = done + int(random.integers(1, 40 // times)) if kills < times else 1000
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            while running.poll() is None and len(list(out.glob(".parts/*.part"))) < enough:
                time.sleep(float(random.uniform(0, 0.01)))
            workers = children_of(running.pid) if running.poll() is None else []
            running.kill()
            stdout, stderr = running.communicate(timeout=60)
        if running.returncode == 0:
            break
        assert running.returncode == -signals.SIGKILL, stderr
        assert visible(out) == {}
        kills += 1
        # The workers end with the one that started them.
        deadline = time.monotonic() + 30
        while any(map(is_running, workers)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert kills >= 1
    assert json.loads(stdout)["resumed"] >= 1
    score_records(model, [many], tmp_path / "clean", tables=tables)
    got, clean = visible(out), visible(tmp_path / "clean")
    assert set(got) == set(clean)
    assert [got[name] for name in names] == [clean[name] for name in names]


def test_what_was_just_being_written_is_not_taken_for_a_result(model, recordings, tmp_path):
    """A process that is killed leaves temporary files."""
    for place in (
        "annotations/one/.100.0123abcd.dat",
        "records/.ecg.89abcdef.html",
        ".k.00000000.part",
    ):
        left = tmp_path / "out" / ".parts" / place
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"half")
    assert score_records(model, [recordings], tmp_path / "out").resumed == 0
    score_records(model, [recordings], tmp_path / "clean")
    names = [
        sorted(path.relative_to(out) for path in out.rglob("*"))
        for out in (tmp_path / "out", tmp_path / "clean")
    ]
    assert names[0] == names[1]


HALF_MOVED = """
    import os, signal, sys
    from pathlib import Path
    from edgecnn.ecg import results_folder, score
    from edgecnn.runtime.session import load_model

    model, paths, out, moves = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    real, done = results_folder._move, []

    def move(*arguments):
        if len(done) == moves:
            os.kill(os.getpid(), signal.SIGKILL)
        done.append(arguments)
        real(*arguments)

    results_folder._move = move
    score.score_records(load_model(model), [paths], out)
"""


@pytest.mark.parametrize("moves", [0, 4, 10])
def test_killed_while_results_are_moved_the_next_run_finishes_that_first(
    beat_model, model, recordings, tmp_path, moves
):
    out = tmp_path / "out"
    score_records(model, [recordings / "ecg.csv"], out, jsonl=True)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(HALF_MOVED),
            beat_model,
            recordings,
            out,
            str(moves),
        ],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signals.SIGKILL, done.stderr
    # The next run comes to nothing, but not before the last one's results are whole.
    with pytest.raises(KeyboardInterrupt), open_results(out):
        raise KeyboardInterrupt
    assert {p.name for p in out.iterdir()} == RESULTS
    score_records(model, [recordings], tmp_path / "clean")
    got, clean = visible(out), visible(tmp_path / "clean")
    assert set(got) == set(clean)
    assert got["beats.csv"] == clean["beats.csv"]
    assert got["annotations/two/100.edge"] == clean["annotations/two/100.edge"]


def test_interrupted_while_results_are_moved_it_finishes_that(
    model, recordings, tmp_path, monkeypatch
):
    real, calls = results_folder._move, []

    def move(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(results_folder, "_move", move)
    with pytest.raises(KeyboardInterrupt):
        score_records(model, [recordings], tmp_path / "out")
    monkeypatch.undo()
    score_records(model, [recordings], tmp_path / "clean")
    assert set(visible(tmp_path / "out")) == set(visible(tmp_path / "clean"))
    assert {p.name for p in (tmp_path / "out").iterdir()} == RESULTS


def test_a_record_among_the_results_is_not_replaced_by_a_link(model, recordings, tmp_path):
    place = tmp_path / "out" / "annotations"
    shutil.copytree(recordings / "one", place)
    before = (place / "100.dat").read_bytes()
    for _ in range(2):
        score_records(model, [place / "100.hea"], tmp_path / "out")
        assert not (place / "100.dat").is_symlink()
        assert (place / "100.dat").read_bytes() == before
        assert (place / "100.edge").exists()


def test_an_error_while_writing_leaves_the_tables_of_before(
    model, recordings, tmp_path, monkeypatch
):
    score_records(model, [recordings / "one"], tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in TABLES}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edgecnn.ecg.score.write_report", full)
    with pytest.raises(EdgeCNNError, match="No space left on device"):
        score_records(model, [recordings], tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == before
    monkeypatch.undo()
    assert score_records(model, [recordings], tmp_path).resumed == 3
    assert not (tmp_path / ".parts").exists()


# --- long records -------------------------------------------------------------------------------

PEAK = """
    import sys
    from edgecnn.ecg.score import score_records
    from edgecnn.runtime.machine import peak_rss_bytes
    from edgecnn.runtime.session import load_model

    model = load_model(sys.argv[1], threads=1)
    summary = score_records(model, sys.argv[2:3], sys.argv[3])
    assert not summary.problems, summary.problems
    print(peak_rss_bytes())
"""


def write_long(base, hours):
    """Two leads in format 16: ten minutes, over and over."""
    steps = np.rint(synthetic_ecg(600, RATE, seed=1).signal_mv * 1000).astype("<i2")
    piece = np.stack([steps, steps[::-1]], axis=1).tobytes()
    with base.with_suffix(".dat").open("wb") as file:
        for _ in range(6 * hours):
            file.write(piece)
    base.with_suffix(".hea").write_text(
        f"{base.name} 2 {RATE:g} {6 * hours * len(steps)}\n"
        + "".join(
            f"{base.name}.dat 16 1000 16 0 {steps[0]} 0 0 {lead}\n" for lead in ("MLII", "V1")
        )
    )


def peak_mb(beat_model, folder, hours):
    write_long(folder / f"h{hours}", hours)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(PEAK),
            beat_model,
            folder / f"h{hours}",
            folder / "o",
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1e6


def test_memory_is_flat_in_the_length_of_a_record(beat_model, tmp_path):
    """One lead of five hours is 52 MB in double precision, and was in memory four times."""
    short, long = (peak_mb(beat_model, tmp_path, hours) for hours in (1, 5))
    assert long - short < 20


@pytest.mark.long
def test_a_day_of_two_leads_takes_less_than_250_mb(beat_model, tmp_path):
    assert peak_mb(beat_model, tmp_path, 24) < 250


# --- the device ----------------------------------------------------------------------------------

DEVICE = """
    import sys
    from pathlib import Path
    from edgecnn.ecg.score import score_records
    from edgecnn.runtime.session import load_model

    summary = score_records(load_model(sys.argv[1]), [sys.argv[2]], Path(sys.argv[3]))
    assert not summary.problems, summary.problems
    print(sum(record.beats for record in summary.records))
    heavy = {"wfdb", "scipy", "pandas", "torch", "onnx", "matplotlib", "starlette", "cv2", "rich"}
    print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("where", ["here", "device"])
def test_csv_and_plain_wfdb_need_nothing_but_numpy_and_the_runtime(
    request, beat_model, recordings, tmp_path, where
):
    """Nothing else is loaded where it is there, and nothing else is missed where it is not."""
    python = sys.executable if where == "here" else request.getfixturevalue("device_python")
    done = subprocess.run(
        [python, "-c", textwrap.dedent(DEVICE), beat_model, recordings, tmp_path / "out"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    beats, heavy = done.stdout.splitlines()
    assert int(beats) > 150
    assert heavy == "[]"


# --- real records --------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, as wfdb calls it
def test_real_files_of_many_kinds(data_root, tmp_path):
    """A file without a rate gets the given one; each says so itself where it has one."""
    extra = data_root / "ecg-extra"
    paths = [
        extra / "csv" / "biosppy-ecg.txt",
        extra / "csv" / "e0103.csv",
        extra / "wfdb-samples",
        extra / "cinc2021-georgia",
        extra / "edf",
        data_root / "mitdb" / "208",
    ]
    model = load_model("bundled:ecg-beats")
    summary = score_records(model, paths, tmp_path, rate_hz=250)
    assert [(Path(p.path).name, p.reason) for p in summary.problems] == [
        ("test_edfann.edf", "holds annotations without a signal")
    ]
    found = {record.record.rpartition("/")[2]: record for record in summary.records}
    assert len(found) == 18
    assert found["biosppy-ecg"].sampling_rate_hz == 1000
    assert found["e0103"].sampling_rate_hz == 250
    assert found["e0103"].heart_rate_bpm.mean == pytest.approx(60, abs=15)
    assert (found["a103l"].lead, found["s0010_re"].lead) == ("II", "ii")
    assert found["E07500"].sampling_rate_hz == 500
    assert found["208"].counts["V"] > 800
    assert all(record.beats >= 8 for record in found.values())
    names = {path.name for path in (tmp_path / "annotations").rglob("*.edge")}
    assert len(names) == 18
    assert found["mitdb-209-first5min"].sampling_rate_hz == 360
    # An infarct turns QRS and T over as an inverted lead does; the limb leads fit together.
    assert found["s0010_re"].remarks == ("ii may be inverted: QRS and T point down",)
    assert found["E07500"].remarks == ()
    # The annotations lie where the reader of the format's own package finds them.
    import wfdb

    base = str(Path(found["E07500"].annotations).with_suffix(""))
    assert len(wfdb.rdann(base, "edge").sample) == found["E07500"].beats
    assert wfdb.rdrecord(base).p_signal.shape == (5000, 12)


@pytest.mark.data
def test_records_without_the_lead_are_reported(data_root, tmp_path):
    paths = [data_root / "mitdb" / name for name in ("102", "100", "104")]
    summary = score_records(load_model("bundled:ecg-beats"), paths, tmp_path, beats="atr")
    assert [record.record for record in summary.records] == ["100"]
    assert summary.records[0].beats == 2273
    assert ["has no lead MLII; it has V5, V2" in p.error.message for p in summary.problems] == [
        True,
        True,
    ]


@pytest.mark.data
def test_beats_within_an_edf_file_are_taken(data_root, tmp_path):
    path = data_root / "ecg-extra" / "edf" / "mitdb-209-first5min.edf"
    summary = score_records(load_model("bundled:ecg-beats"), [path], tmp_path, beats="edf")
    reference = read_annotations(data_root / "mitdb" / "209", "atr")
    beats = [
        sample
        for sample, symbol in zip(reference.samples.tolist(), reference.symbols, strict=True)
        if symbol in CLASS_OF_SYMBOL and sample < 108_000
    ]
    assert summary.records[0].samples.tolist() == beats
