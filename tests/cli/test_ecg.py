"""``edgecnn ecg evaluate`` as a person runs it."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from edgecnn.cli.run import run
from edgecnn.ecg.annotations import read_annotations, write_annotations
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.synthetic import synthetic_ecg

RATE = 360.0


@pytest.fixture
def records(tmp_path):
    """Ten minutes each of two patients; the test misses a beat and calls a V beat N."""
    folder = tmp_path / "records"
    folder.mkdir()
    for name, seed in (("a", 1), ("b", 2)):
        ecg = synthetic_ecg(600, RATE, seed=seed)
        (folder / f"{name}.hea").write_text(
            f"{name} 1 360 {len(ecg.signal_mv)}\n{name}.dat 16 200 16 0 0 0 0 MLII\n"
        )
        write_annotations(folder / f"{name}.atr", ecg.samples, ecg.symbols)
        symbols = list(ecg.symbols)
        last_v = len(symbols) - 1 - symbols[::-1].index("V")
        symbols[last_v] = "N"
        write_annotations(folder / f"{name}.edge", ecg.samples[:-1] + 10, symbols[:-1])
    return folder


def evaluate(capsys, *arguments):
    code = run(["ecg", "evaluate", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_tables_and_statistics(records, capsys):
    code, out, err = evaluate(capsys, records)
    assert (code, err) == (0, "")
    assert "Reference annotator: atr" in out
    for title in ("Beat by beat", "Run by run: ventricular ectopic", "Over all records, %"):
        assert title in out
    sensitivity = re.search(r"^QRS sensitivity +(\S+)", out, re.MULTILINE)
    assert sensitivity is not None
    assert 99 < float(sensitivity[1]) < 100
    assert "Not the standard's" not in out


@pytest.mark.parametrize(
    ("switch", "shown"), [("-C", "All records"), ("-L", "Record"), ("-S", "Record a")]
)
def test_switches_choose_the_tables(records, capsys, switch, shown):
    code, out, _ = evaluate(capsys, records, switch)
    assert code == 0
    assert re.search(rf"^{shown}\b", out, re.MULTILINE)


def test_json_is_one_document(records, capsys):
    code, out, err = evaluate(capsys, records, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert [record["record"] for record in document["records"]] == ["a", "b"]
    veb = document["statistics"]["veb_sensitivity"]
    assert veb["whole"] - veb["part"] == 2
    assert document["protocol"] == {
        "map": "literature", "start_s": 300.0, "end_s": None, "window_s": 0.15,
        "vf": "reference", "rhythms": ["AFIB", "VF"],
    }  # fmt: skip


def test_options_reach_the_protocol(records, capsys):
    code, out, _ = evaluate(
        capsys, records, "--json", "--map", "bxb", "--from", "0", "--to", "60", "--window", "20",
        "--vf", "own", "--rhythm", "(AFL", "--rhythm", "afib",
    )  # fmt: skip
    assert code == 0
    document = json.loads(out)
    assert document["protocol"] == {
        "map": "bxb", "start_s": 0.0, "end_s": 60.0, "window_s": 0.02,
        "vf": "own", "rhythms": ["AFIB", "VF", "AFL"],
    }  # fmt: skip
    # Ten samples are 28 ms: nothing pairs.
    assert document["statistics"]["qrs_sensitivity"]["part"] == 0
    assert document["records"][0]["duration_s"] == 60.0


def test_a_second_test_beside_the_first(records, capsys, tmp_path):
    other = tmp_path / "int8"
    other.mkdir()
    for name in "ab":
        stored = read_annotations(records / name, "atr")
        write_annotations(other / f"{name}.edge", stored.samples, stored.symbols)
    out_folder = tmp_path / "judged"
    code, out, err = evaluate(capsys, records, "--beside", other, "-o", out_folder)
    assert (code, err) == (0, "")
    assert f"Second: {other}" in out
    (line,) = (line for line in out.splitlines() if re.match(r"V +\d+  Se", line))
    assert line.split()[4] == "100.00"
    assert "Side by side" in (out_folder / "report.txt").read_text()
    assert "Side by side" in (out_folder / "report.html").read_text()
    assert (out_folder / "side-by-side.csv").read_text().startswith("class,beats,statistic,first")
    # An annotator beside the first one's files; and nothing that is there.
    for path in other.iterdir():
        path.rename(records / f"{path.stem}.int8")
    code, out, _ = evaluate(capsys, records, "--beside", "int8", "--json")
    beside = json.loads(out)["beside"]
    assert (code, beside["second"], beside["rows"][0]["second"]) == (0, "int8", 1.0)
    code, out, err = evaluate(capsys, records, "--beside", tmp_path / "nowhere")
    assert (code, out) == (2, "")
    assert "is neither an annotator nor a folder that is there" in err


def test_files_and_a_missing_annotation(records, capsys, tmp_path):
    (records / "a.edge").unlink()
    code, out, err = evaluate(capsys, records, "-o", tmp_path / "judged")
    assert code == 1
    assert err.splitlines()[0] == f"error: {records / 'a.edge'}: no annotation file"
    assert out.splitlines()[-1] == str(tmp_path / "judged" / "report.html")
    with (tmp_path / "judged" / "errors.csv").open() as file:
        (problem,) = csv.DictReader(file)
    assert problem["path"] == str(records / "a.edge")
    with (tmp_path / "judged" / "beat-by-beat.csv").open() as file:
        assert [row["record"] for row in csv.DictReader(file)] == ["b"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuch"], 1, "no such file or folder: nosuch"),
        (["RECORDS", "--test", "atr"], 2, "atr would be compared with itself"),
        (["RECORDS", "--from", "400", "--to", "300"], 2, "before it begins"),
        (["RECORDS", "--map", "mine"], 2, "'mine' is not one of"),
        ([], 2, "missing argument 'records...'"),
    ],
)
def test_wrong_usage_is_one_line(records, capsys, arguments, code, message):
    named = [str(records) if word == "RECORDS" else word for word in arguments]
    found, out, err = evaluate(capsys, *named)
    assert (found, out) == (code, "")
    assert message.lower() in err.splitlines()[0].lower()
    assert len(err.splitlines()) <= 2


def test_a_folder_of_scoring_results_is_refused_before_the_work(records, capsys, tmp_path):
    for name in ("beats.csv", "records.csv"):
        (tmp_path / name).write_text("")
    code, _, err = evaluate(capsys, records, "-o", tmp_path)
    assert code == 2
    assert "scoring run" in err


@pytest.mark.data
def test_what_score_writes_is_judged(data_root, capsys, tmp_path):
    """Records 100 (quiet) and 233 (hundreds of VEBs) of MIT-BIH, from signal to statistics."""
    records = [str(data_root / "mitdb" / name) for name in ("100", "233")]
    scored = str(tmp_path / "scored")
    assert run(["score", "bundled:ecg-beats", *records, "-o", scored]) == 0
    capsys.readouterr()
    code, out, _ = evaluate(capsys, *records, "--test-dir", f"{scored}/annotations", "--json")
    assert code == 0
    document = json.loads(out)
    statistics = document["statistics"]
    assert statistics["qrs_sensitivity"]["gross"] > 0.998
    assert statistics["qrs_positive_predictivity"]["gross"] > 0.997
    assert statistics["veb_sensitivity"]["gross"] > 0.9
    # All beats of the reference behind the first five minutes, by another count.
    for record, path in zip(document["records"], records, strict=True):
        assert np.array(record["confusion"])[:5].sum() == _beats_after_five_minutes(path)


def _beats_after_five_minutes(path):
    from edgecnn.ecg.aami import is_beat
    from edgecnn.ecg.annotations import read_annotations

    assert read_record(path).sampling_rate_hz == 360
    given = read_annotations(path, "atr")
    return sum(
        is_beat(symbol) and sample >= 300 * 360
        for sample, symbol in zip(given.samples.tolist(), given.symbols, strict=True)
    )


def test_help_keeps_the_examples_lines(capsys):
    code, out, _ = evaluate(capsys, "--help")
    assert code == 0
    assert "\\b" not in out
    assert out.count("\n  edgecnn ecg evaluate ") == 4
    assert all(len(line) <= 80 for line in out.splitlines())
