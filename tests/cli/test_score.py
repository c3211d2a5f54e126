"""``edgecnn score`` as a person runs it."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from edgecnn.ecg.annotations import read_annotations, write_annotations
from edgecnn.ecg.synthetic import synthetic_ecg

RATE = 360.0


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, seed in (("a", 1), ("b", 2)):
        ecg = synthetic_ecg(20, RATE, seed=seed)
        np.savez(folder / f"{name}.npz", ecg=ecg.signal_mv, fs=RATE, leads=["MLII"])
        write_annotations(folder / f"{name}.atr", ecg.samples, ecg.symbols)
    (folder / "a.atr").rename(folder / "a.ref")
    (folder / "b.atr").rename(folder / "b.ref")
    return folder


def _score(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "edgecnn", "score", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env=dict(os.environ) | environment,
        check=False,
    )


def test_the_table_names_every_record(beat_model, recordings, tmp_path):
    done = _score(beat_model, recordings, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    header, first, second, total, report = done.stdout.splitlines()
    assert header.split() == [
        *("record", "s", "lead", "beats", "N", "S", "V", "F", "bpm", "PVC", "%", "notes"),
    ]
    assert first.split()[:3] == ["a", "20.0", "MLII"]
    assert second.split()[:3] == ["b", "20.0", "MLII"]
    assert total.startswith("2 records, ")
    assert report == str(tmp_path / "out" / "report.html")
    assert done.stderr == ""
    with (tmp_path / "out" / "records.csv").open() as file:
        beats = [row["beats"] for row in csv.DictReader(file)]
    assert [first.split()[3], second.split()[3]] == beats


def test_json_is_one_document(beat_model, recordings, tmp_path):
    (recordings / "bad.csv").write_text("# Sampling rate = 360\n1\nx\n")
    done = _score(beat_model, recordings, "-o", tmp_path / "out", "--json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert [row["record"] for row in document["records"]] == ["a", "b"]
    assert document["records"][0]["V"] >= 1
    (error,) = document["errors"]
    assert error["path"] == str(recordings / "bad.csv")
    assert "'x' is no number" in error["reason"]
    assert document["ecg_seconds"] == 40


def test_a_rhythm_model_runs_as_well_and_a_link_is_told(
    beat_model, rhythm_model, recordings, tmp_path
):
    (recordings / "link.npz").symlink_to(recordings / "a.npz")
    options = ["--rhythm", rhythm_model, "-o", tmp_path / "out"]
    done = _score(beat_model, recordings, *options)
    assert done.returncode == 0, done.stderr
    assert (
        done.stderr == f"{recordings / 'link.npz'} leads to {recordings / 'a.npz'}: scored once\n"
    )
    header, first, *_ = done.stdout.splitlines()
    assert header.split()[-4:] == ["rhythm", "AF", "%", "notes"]
    assert first.split()[-2:] == ["NSR", "0.0"]
    done = _score(beat_model, recordings, *options, "--workers", "2", "--json")
    document = json.loads(done.stdout)
    assert [row["rhythm"] for row in document["records"]] == ["NSR", "NSR"]
    assert document["links"] == [[str(recordings / "link.npz"), str(recordings / "a.npz")]]
    assert (tmp_path / "out" / "episodes.csv").read_text().count("NSR") == 2


def test_a_bad_file_is_reported_the_others_are_scored_and_the_code_is_1(
    beat_model, recordings, tmp_path
):
    (recordings / "bad.csv").write_text("MLII\n0.1\n0.2\n")
    done = _score(beat_model, recordings, tmp_path / "none.csv", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "2 records" in done.stdout
    assert "2 not scored" in done.stdout
    lines = done.stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["error:", "hint:", "error:", "hint:"]
    assert "no such file" in lines[0]
    assert "states no sampling rate" in lines[2]
    assert "--rate" in lines[3]


def test_patterns_are_expanded_and_equal_errors_told_once(beat_model, recordings, tmp_path):
    for name in ("x", "y", "z"):
        (recordings / f"{name}.csv").write_text("MLII\n0.1\n0.2\n")
    (recordings / "deep").mkdir()
    (recordings / "a.npz").rename(recordings / "deep" / "a.npz")
    pattern = recordings / "**" / "*.[nc][ps][zv]"
    done = _score(beat_model, pattern, tmp_path / "none.csv", "-o", tmp_path / "out")
    assert done.returncode == 1
    assert "2 records" in done.stdout
    lines = done.stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["error:", "hint:", "error:", "hint:"]
    assert lines[2] == (
        f"error: 3 files: states no sampling rate (the first is {recordings / 'x.csv'})"
    )
    with (tmp_path / "out" / "errors.csv").open() as file:
        errors = list(csv.DictReader(file))
    assert [row["path"] for row in errors] == [
        str(tmp_path / "none.csv"),
        *(str(recordings / f"{name}.csv") for name in "xyz"),
    ]
    assert {row["reason"] for row in errors} == {"no such file", "states no sampling rate"}
    with (tmp_path / "out" / "records.csv").open() as file:
        assert [row["record"] for row in csv.DictReader(file)] == [
            "b",
            "deep/a",
        ]


def test_options_reach_the_library(beat_model, tmp_path):
    ecg = synthetic_ecg(20, 250, seed=4)
    table = np.stack([np.zeros_like(ecg.signal_mv), ecg.signal_mv], axis=1)
    np.savetxt(tmp_path / "x.csv", table, header="aVR,V5", comments="", delimiter=",")
    write_annotations(tmp_path / "x.ref", ecg.samples, ecg.symbols)
    options = ["--rate", "250", "--lead", "V5", "--beats", "ref", "--jsonl", "--provider", "cpu"]
    done = _score(beat_model, tmp_path / "x.csv", "-o", tmp_path / "out", *options, "--no-check")
    assert done.returncode == 0, done.stderr
    samples = read_annotations(tmp_path / "out" / "annotations" / "x", "edge").samples
    np.testing.assert_array_equal(samples, ecg.samples)
    assert "the model was trained on lead MLII" in done.stdout
    assert len((tmp_path / "out" / "beats.jsonl").read_text().splitlines()) == len(ecg.samples)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["none.onnx", "x.csv", "-o", "out"], 1, "no such model: none.onnx"),
        (["MODEL", "x.csv"], 2, "missing option '-o'"),
        (["MODEL", "-o", "out"], 2, "missing argument 'PATHS...'"),
        (["MODEL", "em*", "-o", "out", "--shard", "half"], 2, "'half' is not I/N"),
        (["MODEL", "em*", "-o", "out", "--shard", "3/2"], 2, "shard 3/2 is none"),
        (["MODEL", "em*", "-o", "out", "--tables", "xlsx"], 2, "xlsx"),
        (["MODEL", "--manifest", "none.csv", "-o", "out"], 1, "no such manifest: none.csv"),
        (["MODEL", "x.csv", "-o", "out", "--rate", "0"], 2, "--rate"),
        (["MODEL", "x.csv", "-o", "out"], 1, "no such file: x.csv"),
        (["MODEL", "recordings/", "-o", "out"], 1, "no such file or folder: recordings"),
        (["MODEL", "a/b/c", "-o", "out"], 1, "no such file or folder: a/b/c"),
        (["MODEL", "rec*.hea", "-o", "out"], 1, "nothing matches rec*.hea"),
        (["MODEL", "em*", "-o", "out"], 1, "no record matches em*"),
        (["MODEL", "empty", "-o", "out"], 1, "no records in empty"),
        (["PICTURE", "x.csv", "-o", "out"], 1, "reads pictures, not heartbeats"),
        (["MODEL", "empty", "-o", "empty"], 2, "both searched"),
        (["MODEL", "em*", "-o", "out", "--rhythm", "none.onnx"], 1, "no such model: none.onnx"),
        (["MODEL", "em*", "-o", "out", "--rhythm", "MODEL"], 1, "reads heartbeats, not fragments"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    beat_model, picture_model, tmp_path, monkeypatch, arguments, code, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    models = {"MODEL": beat_model, "PICTURE": picture_model}
    done = _score(*(models.get(argument, argument) for argument in arguments))
    assert done.returncode == code
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert done.stderr.lower().count("error:") == 1
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()


def test_workers_shards_and_paths_from_the_standard_input(beat_model, recordings, tmp_path):
    whole = _score(beat_model, recordings, "-o", tmp_path / "out")
    listed = "".join(f"{path}\n" for path in sorted(recordings.glob("*.npz")))
    options = [beat_model, "-", "-o", tmp_path / "two", "--workers", "2"]
    command = [sys.executable, "-m", "edgecnn", "score", *map(str, options)]
    done = subprocess.run(
        command, input=listed, capture_output=True, text=True, timeout=240, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    # All but the time and the folder.
    assert done.stdout.splitlines()[:-2] == whole.stdout.splitlines()[:-2]
    for name in ("records.csv", "beats.csv"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    done = _score(beat_model, recordings, "-o", tmp_path / "half", "--shard", "2/2")
    assert done.stdout.splitlines()[1].split()[0] == "b"


def test_a_manifest_alone_is_enough(beat_model, recordings, tmp_path):
    manifest = tmp_path / "list.jsonl"
    manifest.write_text('{"path": "recordings/b.npz", "record": "patient-7", "rate": 1}\n')
    done = _score(beat_model, "--manifest", manifest, "-o", tmp_path / "out", "--json")
    assert [row["record"] for row in json.loads(done.stdout)["records"]] == ["patient-7"]
    # `rate_hz` was meant.
    assert done.stderr.startswith(f"not used of {manifest}: rate\n")


def test_a_reader_that_goes_away_is_no_error(beat_model, recordings, tmp_path):
    command = (
        f"{sys.executable} -m edgecnn score {beat_model} {recordings} -o {tmp_path / 'out'} | true"
    )
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=240, check=False
    )
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "records.csv").exists()


def test_the_help_says_that_it_is_no_medical_device():
    assert "not a medical device" in _score("--help").stdout
