"""``edgecnn predict --csv`` and ``--jsonl``: whole files, and runs that go on."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from edgecnn.cli.run import run

MODEL = "bundled:mnist-lenet5"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Digits as pictures, and one that is none."""
    from edgecnn.runtime.sources.test_camera import TestCamera

    folder = tmp_path_factory.mktemp("digits")
    camera = TestCamera("test:digits?hold=0.04&size=64x64")
    for number in range(40):
        cv2.imwrite(str(folder / f"{number:03}.png"), camera.picture(number))
    (folder / "020.png").write_bytes(b"nothing")
    return folder


@pytest.fixture
def pictures(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "pictures")


def _table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_and_lines_hold_what_json_says(pictures, tmp_path, capsys):
    table, lines = tmp_path / "out" / "a.csv", tmp_path / "out" / "a.jsonl"
    arguments = ["predict", MODEL, str(pictures), "--csv", str(table), "--jsonl", str(lines)]
    assert run(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "020.png is not a readable picture" in told.err
    assert f"39 answered, 1 could not be: {table}, {lines}" in told.err
    assert run(["predict", MODEL, str(pictures), "--json", "--batch", "1"]) == 1
    expected = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    for row, other, cells in zip(rows, expected, _table(table), strict=True):
        assert (row["input"], row["label"]) == (other["input"], other["label"])
        assert cells["input"] == row["input"]
        assert cells["label"] == (row["label"] or "")
        assert cells["error"] == row.get("error", "")
        if row["label"]:
            assert row["score"] == pytest.approx(other["score"], abs=1e-5)
            assert float(cells["score"]) == row["score"]
            assert json.loads(cells["top"]) == row["top"]
    assert sorted(path.name for path in table.parent.iterdir()) == ["a.csv", "a.jsonl"]


def _answered(monkeypatch):
    """Count what the network is asked about from now on."""
    from edgecnn.runtime.session import Model

    counted = []
    before = Model.run

    def counting(self, inputs):
        counted.extend(range(len(inputs["input"])))
        return before(self, inputs)

    monkeypatch.setattr(Model, "run", counting)
    return counted


#: The command, which stands still after sixty inputs until it is killed.
HALTING = """
import time
from edgecnn.runtime.prediction_file import PredictionFile

add, added = PredictionFile.add, []

def adding(self, prediction):
    add(self, prediction)
    added.append(prediction)
    if len(added) == 60:
        time.sleep(240)

PredictionFile.add = adding
from edgecnn.__main__ import main
main()
"""


def test_a_killed_run_goes_on_where_it_stopped(pictures, tmp_path, capsys, monkeypatch):
    table = tmp_path / "a.csv"
    rest = tmp_path / "rest"
    rest.mkdir()
    for number in range(100):
        (rest / f"{number:04}.png").hardlink_to(pictures / f"{number % 20:03}.png")
    options = ["--csv", str(table), "--no-check", "--batch", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", HALTING, "predict", MODEL, pictures, rest, *options],
        stderr=subprocess.PIPE,
    )
    partial = tmp_path / "a.csv.partial"
    try:
        # A line for the header, and one for each picture.
        while not partial.exists() or partial.read_bytes().count(b"\n") < 41:
            assert process.poll() is None
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not table.exists()
    done = partial.read_bytes().count(b"\n") - 2  # the header, and the one that is no picture
    assert 39 <= done <= 59
    with partial.open("ab") as file:
        file.write(b'{"input": "cut o')
    # One has changed since (not its other name), one is new, one is gone.
    (pictures / "003.png").unlink()
    cv2.imwrite(str(pictures / "003.png"), np.zeros((30, 30, 3), np.uint8))
    shutil.copy(pictures / "005.png", pictures / "005b.png")
    (pictures / "007.png").unlink()
    asked = _answered(monkeypatch)
    assert run(["predict", MODEL, str(pictures), str(rest), *options]) == 1
    told = capsys.readouterr().err
    assert f"going on after {done} that are done" in told
    rows = _table(table)
    expected = [*sorted(pictures.iterdir()), *sorted(rest.iterdir())]
    assert [row["input"] for row in rows] == list(map(str, expected))
    # The one that is no picture is tried again, in vain; the changed and the new one are answered.
    assert len(asked) == 139 - done + 2
    assert f"139 answered, {done - 2} of them before, 1 could not be" in told
    assert not partial.exists()
    changed = next(row for row in rows if row["input"].endswith("003.png"))
    assert run(["predict", MODEL, str(pictures / "003.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == changed["label"]


def test_another_model_or_setting_begins_anew(pictures, tmp_path, capsys):
    from edgecnn.runtime.predict import Prediction
    from edgecnn.runtime.prediction_file import PredictionFile

    table = tmp_path / "a.csv"
    file = PredictionFile(table, None, {"model_sha256": "another"})
    file.add(Prediction(str(pictures / "001.png"), None))
    file.close()
    assert run(["predict", MODEL, str(pictures / "001.png"), "--csv", str(table)]) == 0
    assert "is of another model or other settings: begun anew" in capsys.readouterr().err
    assert len(_table(table)) == 1


def test_two_runs_at_once_do_not_mix(tmp_path, capsys):
    from edgecnn.runtime.prediction_file import PredictionFile

    file = PredictionFile(tmp_path / "a.csv", None, {})
    assert run(["predict", MODEL, "x.png", "--csv", str(tmp_path / "a.csv")]) == 1
    assert "another run is writing" in capsys.readouterr().err
    file.close()


def test_batches_are_stated_and_can_be_set(pictures, capsys):
    globs = [str(pictures / "0[0-1]*.png")] * 12
    assert run(["predict", MODEL, *globs, "--json"]) == 0
    told = capsys.readouterr()
    assert "ms a picture" in told.err
    assert len(told.out.splitlines()) == 240
    assert run(["predict", MODEL, *globs, "--json", "--batch", "16"]) == 0
    assert "ms a picture" not in capsys.readouterr().err
    assert run(["predict", "bundled:rt-polarity-cnn", "--text", "good", "--batch", "2"]) == 2
    assert "--batch is for pictures" in capsys.readouterr().err


def test_what_cannot_be_begun_leaves_nothing_behind(tmp_path, capsys):
    arguments = ["predict", MODEL, "x.png", "-o", str(tmp_path / "out")]
    assert run([*arguments, "--csv", str(tmp_path / "a.csv")]) == 1
    assert "names pictures" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_sentences_go_into_files_too(tmp_path, capsys):

    lines = tmp_path / "a.jsonl"
    texts = ["--text", "a quiet delight", "--text", "a quiet delight", "--text", "dull"]
    assert run(["predict", "bundled:rt-polarity-cnn", *texts, "--jsonl", str(lines)]) == 0
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["text"] for row in rows] == ["a quiet delight", "a quiet delight", "dull"]
