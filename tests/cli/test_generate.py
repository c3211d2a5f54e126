"""``edgecnn generate`` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.cli.run import run
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import RunningText
from edgecnn.export.exporter import export_model
from edgecnn.metadata import CharacterInput, ModelMetadata
from edgecnn.models.char_rnn import char_rnn

LETTERS = tuple("\n abcdefghijklmnopqrstuvwxyz")


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that writes, untrained."""
    torch.manual_seed(0)
    network = char_rnn(characters=28, hidden=16, embedding=4)
    spec = CharacterInput(vocabulary=LETTERS, replacement=" ", states=network.states)
    contract = ModelMetadata(name="scribble", task="generate", input=spec)
    text = RunningText(DatasetInfo("t", "all", (), "0" * 64, "", ""), "the quick brown fox " * 60)
    path = tmp_path_factory.mktemp("writer") / "scribble.onnx"
    export_model(network, contract, text.inputs(spec, np.arange(4)), path)
    return path


def test_prompt_and_text_go_to_stdout(writer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", str(writer), "--prompt", "once ", "--length", "40", "--seed", "5"]
    assert run(arguments) == 0
    first = capsys.readouterr()
    assert first.out.startswith("once ")
    assert len(first.out) == 5 + 40 + 1
    assert first.err == "seed 5, temperature 0.8\n"
    assert run(arguments) == 0
    assert capsys.readouterr().out == first.out
    assert run([*arguments[:-1], "6"]) == 0
    assert capsys.readouterr().out != first.out


def test_without_a_seed_one_is_drawn_and_said(
    writer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["generate", str(writer), "--length", "60"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("\n")
    seed = told.err.split()[1].rstrip(",")
    assert run(["generate", str(writer), "--length", "60", "--seed", seed]) == 0
    assert capsys.readouterr().out == told.out


def test_json(writer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", str(writer), "--prompt", "abc", "--length", "30", "--seed", "5"]
    assert run(arguments) == 0
    text = capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["prompt"] + row["text"] + "\n" == text
    assert (row["seed"], row["temperature"], row["unknown"]) == (5, 0.8, [])


def test_unknown_characters_are_named_with_what_replaces_them(
    writer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["generate", str(writer), "--prompt", "5 € a€", "--length", "3", "--seed", "0"]
    assert run(arguments) == 0
    told = capsys.readouterr()
    assert (
        "3 characters of the prompt are unknown to the model and read as ' ': '5', '€'" in told.err
    )
    assert told.out.startswith("    a ")


def test_it_streams(writer: Path) -> None:
    command = [sys.executable, "-m", "edgecnn", "generate", str(writer), "--length", "100000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        started = time.monotonic()
        # Its text would be 100 MB: what arrives at once was not waited for.
        assert len(process.stdout.read(200)) == 200
        assert time.monotonic() - started < 60
        process.stdout.close()
        # The reader is gone: it ends by itself, as `| head` has it.
        assert process.wait(timeout=240) == 141


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["WRITER", "--prompt", ""], 1, "the prompt is empty"),
        (["WRITER", "--temperature", "-1"], 2, "temperature"),
        (["WRITER", "--temperature", "nan"], 2, "temperature"),
        (["WRITER", "--length", "-1"], 2, "length"),
        (["PICTURE"], 1, "reads pictures and cannot write text"),
        (["none.onnx"], 1, "no such model"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    writer: Path,
    picture_model: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    files = {"WRITER": str(writer), "PICTURE": str(picture_model)}
    assert run(["generate", *(files.get(part, part) for part in arguments)]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert told.err.count("rror:") == 1


def test_other_commands_refuse_a_network_that_writes(
    writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["predict", str(writer), "x.txt"],
        ["predict", str(writer), "--text", "once"],
        ["live", str(writer), "--source", "test:", "--headless"],
        ["score", str(writer), str(tmp_path), "-o", str(tmp_path / "out")],
    ):
        assert run(arguments) == 1, arguments
        told = capsys.readouterr()
        assert "reads characters, not" in told.err
        assert "`edgecnn generate` lets it write" in told.err


def test_evaluate_gives_nats_per_character(
    writer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fox.txt").write_text("the quick brown fox " * 100, "utf-8")
    assert run(["evaluate", str(writer), str(tmp_path / "fox.txt"), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["metric"] == "nats per character"
    assert row["n"] == 1999
    assert row["interval_95"][0] < row["value"] < row["interval_95"][1]
    assert run(["evaluate", str(writer), str(tmp_path / "fox.txt")]) == 0
    out = capsys.readouterr().out
    assert "1999 characters of fox:all" in out
    assert "class" not in out
