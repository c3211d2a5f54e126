"""``edgecnn train`` as a user types it, in this process."""

from __future__ import annotations

import json
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.cli.run import run
from edgecnn.runtime import machine

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
epochs = 3
batch = 8
peak_rate = 0.05
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recipe and twenty pictures: left or right half bright."""
    for number in range(20):
        label = "left" if number % 2 else "right"
        path = tmp_path / "pictures" / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.full((28, 28), 10 + number, np.uint8)
        picture[:, :14] += 200 * np.uint8(number % 2)
        picture[:, 14:] += 200 * np.uint8(1 - number % 2)
        cv2.imwrite(str(path), picture)
    (tmp_path / "halves.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_train(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "halves.toml", "--threads", "1"]) == 0
    told = capsys.readouterr()
    assert "halves: lenet5, 61,026 parameters, 3 epochs in" in told.out
    assert "next: edgecnn export runs/halves -o halves.onnx" in told.out
    assert told.err.count("epoch ") == 3
    assert (place / "runs/halves/checkpoint.safetensors").is_file()


@pytest.mark.parametrize("keep", ["best", "last"])
def test_an_early_stop_is_told(place: Path, capsys: pytest.CaptureFixture[str], keep: str) -> None:
    # Steps too small for any weight to move: no epoch is better than the first.
    settings = ("peak_rate=1e-30", "epochs=9", "patience=2", f"keep={keep}")
    command = ["train", "halves.toml", *(part for each in settings for part in ("--set", each))]
    assert run([*command, "--threads", "1"]) == 0
    told = capsys.readouterr().err
    assert "stopped at epoch 3 of 9, as validation loss was no lower for 2" in told
    assert ("the weights are those of epoch 1" in told) == (keep == "best")


def test_results_as_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "halves.toml", "-o", "out", "--set", "train.epochs=1", "--json"]
    assert run([*command, "--threads", "1"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["epochs"] == 1
    assert summary["folder"] == "out"
    assert summary["test"]["n"] == 20
    provenance = json.loads((place / "out/checkpoint.json").read_text())["metadata"]["provenance"]
    assert provenance["command"] == "edgecnn train halves.toml --set train.epochs=1"
    assert run([*command, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out) == summary


@pytest.mark.parametrize(
    ("instructions", "precision", "warned"),
    [((), "bf16", True), ((), "fp32", False), (("avx512_bf16",), "bf16", False)],
)
def test_bfloat16_that_is_emulated_is_told(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    instructions: tuple[str, ...],
    precision: str,
    warned: bool,
) -> None:
    here = replace(machine.describe_machine(), architecture="x86_64", bfloat16=instructions)
    monkeypatch.setattr(machine, "describe_machine", lambda: here)
    command = ["train", "halves.toml", "--set", f"precision={precision}", "--set", "epochs=1"]
    assert run([*command, "--threads", "1"]) == 0
    told = capsys.readouterr().err
    assert ("--set precision=fp32" in told) == warned


def test_folds(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "halves.toml", "--folds", "2", "--threads", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["pooled"]["n"] == 20
    assert not (place / "runs").exists()
    command = ["train", "halves.toml", "--folds", "2", "--threads", "1", "-o", "out"]
    assert run(command) == 0
    assert "report in out/folds.json" in capsys.readouterr().out
    assert json.loads((place / "out/folds.json").read_text()) == report


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["mnist"], 1, "no recipe named 'mnist'", "mnist-lenet5"),
        (["nowhere.toml"], 1, "no such file: nowhere.toml", ""),
        (["halves.toml", "--set", "train.epoch=1"], 1, "unknown key 'train.epoch'", "epochs"),
        (["halves.toml", "--set", "train.epochs=x"], 1, "train.epochs is 'x'", ""),
        (["halves.toml", "--set", "model.name=vgg"], 2, "no model named 'vgg'", "vgg1"),
        (["halves.toml", "--set", "data.train=mnist:trian"], 2, "no split 'trian'", "mnist:train"),
        (["halves.toml", "--set", "data.train=gone"], 1, "no such dataset or folder: gone", ""),
        (["halves.toml", "--set", "data.train=mnist:train"], 1, "not on this machine", "mnist"),
        (["halves.toml", "--set", "train.peak_rate=1e12"], 1, "the loss is", "train.peak_rate"),
        (["halves.toml", "--set", "input.height=8"], 1, "lenet5 cannot read input", "change the"),
        (["halves.toml", "--set", "data.train="], 2, "name or folder is empty", "mnist:train"),
        (["halves.toml", "--folds", "2", "--resume"], 2, "--folds does not go with", "leave one"),
        (["halves.toml", "--folds", "2", "--web", "0"], 2, "--folds does not go with --web", ""),
        (["halves.toml", "--web", "nowhere:x"], 2, "not an address to listen on", "127.0.0.1:8080"),
        (["halves.toml", "--web", "192.0.2.1:8080"], 1, "cannot listen on 192.0.2.1:8080", ""),
        ([], 2, "missing argument 'RECIPE'", ""),
        (["halves.toml", "--threads", "0"], 2, "--threads", ""),
    ],
)
def test_bad_input_is_one_line(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
    hint: str,
) -> None:
    monkeypatch.delenv("EDGECNN_DATA", raising=False)
    monkeypatch.setenv("EDGECNN_OFFLINE", "1")
    assert run(["train", *arguments]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert hint in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert not list(place.rglob("checkpoint*"))


def test_a_training_is_not_overwritten(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "halves.toml", "--threads", "1"]) == 0
    before = (place / "runs/halves/checkpoint.safetensors").read_bytes()
    assert run(["train", "halves.toml"]) == 1
    assert "already holds a training" in capsys.readouterr().err
    assert (place / "runs/halves/checkpoint.safetensors").read_bytes() == before


def test_a_finished_training_of_another_recipe_is_not_resumed(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "halves.toml", "--threads", "1", "-o", "out"]) == 0
    capsys.readouterr()
    other = ["train", "halves.toml", "--set", "train.epochs=9", "-o", "out", "--resume"]
    assert run(other) == 1
    told = capsys.readouterr()
    assert "another recipe: train.epochs was 3, now 9" in told.err
    assert told.out == ""


def test_an_interrupted_training_says_how_to_go_on(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgecnn.training.progress import LineWatcher

    def interrupt(self: LineWatcher, epoch: int, step: int, loss: float) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LineWatcher, "step", interrupt)
        assert run(["train", "halves.toml", "--threads", "1"]) == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert run(["train", "halves.toml", "--threads", "1", "--resume"]) == 0
    assert "epochs 2 to 3" in capsys.readouterr().err


def test_a_training_that_ended_in_its_first_epoch_begins_again(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgecnn.training.progress import LineWatcher

    def interrupt(self: LineWatcher, epoch: int, step: int, loss: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LineWatcher, "step", interrupt)
        assert run(["train", "halves.toml", "--threads", "1"]) == 130
    told = capsys.readouterr().err
    assert "interrupted in the first epoch: nothing is kept" in told
    assert "--resume goes on" not in told
    assert run(["train", "halves.toml", "--threads", "1", "--resume"]) == 0
    told = capsys.readouterr().err
    assert "runs/halves holds no training to go on with: it begins" in told
    assert run(["train", "halves.toml", "--threads", "1", "--resume"]) == 0
    assert "it begins" not in capsys.readouterr().err


def test_a_page_is_served_while_it_trains(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgecnn.training.progress import LineWatcher

    seen: list[dict[str, object]] = []

    def look(self: LineWatcher, epoch: int, step: int, loss: float) -> None:
        if seen:
            return
        url = capsys.readouterr().err.partition("page: ")[2].split()[0]
        with urllib.request.urlopen(url + "about.json", timeout=10) as response:
            seen.append(json.loads(response.read()))
        body = json.dumps({"set": "momentum", "value": 0.5}).encode()
        headers = {"Origin": url.rstrip("/"), "Content-Type": "application/json"}
        wish = urllib.request.Request(url + "control", data=body, headers=headers)
        with urllib.request.urlopen(wish, timeout=10) as response:
            assert response.status == 204

    monkeypatch.setattr(LineWatcher, "step", look)
    assert run(["train", "halves.toml", "--threads", "1", "--web", "127.0.0.1:0"]) == 0
    assert seen[0]["name"] == "halves"
    assert "note: 1 change(s) were made by hand" in capsys.readouterr().err
    document = json.loads((place / "runs/halves/checkpoint.json").read_text())
    (change,) = document["metadata"]["provenance"]["interventions"]
    assert change == {"epoch": 1, "step": 2, "setting": "momentum", "before": 0.9, "after": 0.5}


def test_a_page_needs_its_extra(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run(["train", "halves.toml", "--web"]) == 1
    assert "pip install 'edgecnn[web]'" in capsys.readouterr().err
    assert not (place / "runs").exists()
