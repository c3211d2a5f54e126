"""``edgecnn search`` as a user types it: in this process, and killed in one of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgecnn.cli.run import run

RECIPE = """
name = "halves"
[model]
name = "lenet5"
[data]
train = "pictures"
test = "pictures"
validation = 0.2
[input]
kind = "image"
height = 28
width = 28
colour = "gray"
[train]
epochs = 2
batch = 8
peak_rate = 0.05
"""

SEARCH = ["search", "halves.toml", "--threads", "1"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recipe and forty pictures: left or right half bright."""
    generator = np.random.default_rng(0)
    for number in range(40):
        label = "left" if number % 2 else "right"
        path = tmp_path / "pictures" / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = generator.integers(0, 40, (28, 28), dtype=np.uint8)
        picture[:, :14] += 200 * np.uint8(number % 2)
        picture[:, 14:] += 200 * np.uint8(1 - number % 2)
        cv2.imwrite(str(path), picture)
    (tmp_path / "halves.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def trials(folder: Path) -> list[dict[str, Any]]:
    """All trials that are on disk, without their seconds."""
    kept: list[dict[str, Any]] = json.loads((folder / "study.json").read_text())["trials"]
    for trial in kept:
        del trial["seconds"]
    return kept


def test_search_and_train_the_best(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SEARCH, "--grid", "lr=1e-4,0.05", "--grid", "dropout=0,0.2"]) == 0
    told = capsys.readouterr()
    header, *rows = told.out.splitlines()[:5]
    assert header.split() == [
        "trial", "validation_loss", "train.peak_rate", "model.arguments.dropout", "epochs",
        "seconds",
    ]  # fmt: skip
    losses = [float(row.split()[1]) for row in rows]
    assert losses == sorted(losses)
    assert rows[0].split()[2] == "0.05"
    assert "importance of train.peak_rate: " in told.out
    assert "next: edgecnn train runs/halves-search/best.toml" in told.out
    assert [line.split("  ")[0] for line in told.err.splitlines()] == [
        "4 trials", "trial 1/4", "trial 2/4", "trial 3/4", "trial 4/4",
    ]  # fmt: skip
    best = (place / "runs/halves-search/best.toml").read_text()
    command = "edgecnn search halves.toml --grid lr=1e-4,0.05 --grid dropout=0,0.2"
    assert f"# Found by: {command}\n" in best
    assert run(["train", "runs/halves-search/best.toml", "--threads", "1"]) == 0
    assert "halves-best: lenet5" in capsys.readouterr().out


def test_results_as_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--range", "lr=0.01..0.1", "--trials", "2", "-o", "out", "--json"]
    assert run([*SEARCH, *arguments, "--set", "train.epochs=1"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["metric"], report["direction"]) == ("validation_loss", "minimize")
    assert len(report["trials"]) == 2
    assert report["best"]["score"] == min(trial["score"] for trial in report["trials"])
    assert 0.01 <= report["best"]["values"]["train.peak_rate"] <= 0.1
    # What is done is done; the answer is the same.
    assert run([*SEARCH, *arguments, "--set", "train.epochs=1", "--resume"]) == 0
    assert json.loads(capsys.readouterr().out) == report


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "there is nothing to search through"),
        (["--grid", "lr=0.1,-1"], 1, "train.peak_rate"),
        (["--grid", "train.rate=1"], 1, "unknown key 'train.rate'"),
        (["--grid", "rate=1"], 2, "no key 'rate'"),
        (["--grid", "dropout=2"], 2, "dropout"),
        (["--range", "lr=1-2"], 2, "cannot read the range of train.peak_rate: '1-2'"),
        (["--grid", "lr=1", "--sampler", "best"], 2, "'best' is not one of"),
        (["--grid", "lr=1", "--trials", "0"], 2, "0 is not in the range"),
        (["--grid", "lr=1", "-o", "halves.toml"], 2, "is a file"),
    ],
)
def test_wrong_usage_is_one_line_before_any_training(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run([*SEARCH, *arguments]) == code
    told = capsys.readouterr()
    assert told.out == ""
    error, *hint = told.err.splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert len(hint) <= 1
    assert not (place / "runs").exists()


#: The command, which stands still after the first epoch of a trial until it is killed.
HALTING = """
import sys, time
from edgecnn.training import train

write_text, trial = train.write_text, sys.argv.pop(1)

def writing(path, text):
    write_text(path, text)
    if path.parent.name == trial:
        time.sleep(240)

train.write_text = writing
from edgecnn.__main__ import main
main()
"""


def start(*arguments: str, halt_in: str = "") -> subprocess.Popen[str]:
    program = ["-c", HALTING, halt_in] if halt_in else ["-m", "edgecnn"]
    return subprocess.Popen(
        [sys.executable, *program, *SEARCH, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 240
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_and_resumed_gives_the_trials_of_one_that_ran_through(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--range", "lr=1e-3..0.2:log", "--trials", "3", "--set", "train.epochs=5", "-o"]
    process = start(*asked, "out", halt_in="002")
    wait_for(place / "out/trials/002/metrics.csv", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(trials(place / "out")) == 1
    assert run([*SEARCH, *asked, "out"]) == 1
    assert "already holds a search" in capsys.readouterr().err
    assert run([*SEARCH, *asked, "out", "--resume"]) == 0
    assert run([*SEARCH, *asked, "whole"]) == 0
    assert trials(place / "out") == trials(place / "whole")
    # Apart from the names, what was written is the same too.
    whole = (place / "whole/best.toml").read_text()
    assert (place / "out/best.toml").read_text() == whole
    assert not list((place / "out").rglob("*.safetensors"))


def test_ctrl_c_ends_in_one_line(place: Path) -> None:
    process = start("--grid", "lr=0.01,0.05", "--set", "train.epochs=100000", "-o", "out")
    wait_for(place / "out/trials/001/metrics.csv", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert out == ""
    assert [line for line in err.splitlines() if line] == [
        "2 trials",
        "out holds all trials so far: the same command with --resume goes on",
        "error: interrupted",
    ]
    assert not [path for path in (place / "out").rglob(".*")]
