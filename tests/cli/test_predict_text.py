"""``edgecnn predict`` on sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edgecnn.cli.run import run
from edgecnn.export.exporter import export_model
from edgecnn.metadata import ModelMetadata, TextInput
from edgecnn.models.text_cnn import text_cnn
from edgecnn.preprocessing.text import sentence_tensor


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of sentences, untrained."""
    torch.manual_seed(0)
    spec = TextInput(length=8, vocabulary=("", "", "good", "bad", "film"))
    contract = ModelMetadata(name="x", task="classify", labels=("no", "yes"), input=spec)
    path = tmp_path_factory.mktemp("text") / "x.onnx"
    sentences = sentence_tensor(["good film", "bad film"], spec)
    export_model(text_cnn(words=5, embedding=4, maps=4), contract, {"tokens": sentences}, path)
    return path


def test_lines_of_files_and_sentences(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reviews.txt"
    file.write_text("a good film\n\nbad\n", "utf-8")
    assert run(["predict", str(model), str(file), "--text", "film!", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["input"] for row in rows] == ["film!", f"{file}:1", f"{file}:3"]
    assert [row["text"] for row in rows] == ["film!", "a good film", "bad"]
    assert rows[1]["unknown_words"] == ["a"]
    assert all(row["label"] in ("no", "yes") and len(row["top"]) == 2 for row in rows)

    assert run(["predict", str(model), str(file)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{file}:1: {rows[1]['label']}  ({rows[1]['label']} ")
    assert second.startswith(f"{file}:3: ")


def test_what_cannot_be_answered_is_one_line_and_the_code_is_1(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(model), "none.txt", "--text", "", "--text", "good"]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        "error: the text is empty",
        "error: no such file: none.txt",
    ]
    assert told.out.startswith("good: ")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["MODEL"], 2, "at least one file, or give a --text"),
        (["MODEL", "x.txt", "-o", "out"], 2, "makes no pictures"),
        (["PICTURE", "--text", "good"], 1, "reads pictures, not sentences"),
    ],
)
def test_wrong_usage(
    model: Path,
    picture_model: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    files = {"MODEL": str(model), "PICTURE": str(picture_model)}
    assert run(["predict", *(files.get(part, part) for part in arguments)]) == code
    assert said in capsys.readouterr().err
