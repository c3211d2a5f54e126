"""Files in, tables out."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgecnn import metadata
from edgecnn.ecg.annotations import read_annotations, write_annotations
from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.score import Progress, score_records
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import UsageError
from edgecnn.runtime.session import load_model
from tests.ecg.score_recordings import RATE, RESULTS, rows, write_table, write_wfdb

RECORD_COLUMNS = [
    *("record", "path", "duration_s", "sampling_rate_hz", "lead", "beats"),
    *("N", "S", "V", "F", "Q"),
    *("heart_rate_bpm_mean", "heart_rate_bpm_min", "heart_rate_bpm_max"),
    *("sdnn_ms", "rmssd_ms", "pvc_burden_percent", "sve_burden_percent"),
    *("flat_s", "saturated_s", "noise_s", "gaps_s", "notes", "remarks"),
]


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
