from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgecnn.errors import TaskError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import ModelMetadata, TextInput
from edgecnn.models.text_cnn import text_cnn
from edgecnn.preprocessing.text import sentence_tensor
from edgecnn.runtime.session import Model, load_model
from edgecnn.runtime.texts import predict_sentences, predict_text_files

SPEC = TextInput(length=8, vocabulary=("", "", "good", "bad", "film"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A network in which `good` and `bad` decide, wherever they stand."""
    network = text_cnn(words=5, embedding=2, maps=2, windows=[1]).eval()
    with torch.no_grad():
        network.embedding.weight.zero_()
        network.embedding.weight[2, 0] = network.embedding.weight[3, 1] = 1
        for parameter in (*network.convolutions.parameters(), *network.head.parameters()):
            parameter.zero_()
        weight = network.convolutions[0].get_parameter("weight")
        weight[0, 0, 0, 1] = weight[1, 0, 0, 0] = 1
        network.head.weight.copy_(5 * torch.eye(2))
    contract = ModelMetadata(
        name="mood", task="classify", labels=("negative", "positive"), input=SPEC
    )
    path = tmp_path_factory.mktemp("text") / "mood.onnx"
    sentences = ["good film", "bad", "film", "a good bad film"]
    export_model(network, contract, {"tokens": sentence_tensor(sentences, SPEC)}, path)
    return load_model(path, provider="cpu")


def test_the_file_brings_golden_sentences(model: Model) -> None:
    assert model.golden is not None
    assert {example.media for example in model.golden.examples} == {"text/utf-8"}


def test_sentences_are_answered_in_turn(model: Model) -> None:
    answers = predict_sentences(model, [("one", "A good film!"), ("two", "bad, bad film")])
    rows = [answer.row() for answer in answers]
    assert [(row["input"], row["label"]) for row in rows] == [
        ("one", "positive"),
        ("two", "negative"),
    ]
    assert rows[0]["text"] == "A good film!"
    assert rows[0]["unknown_words"] == ["a", "!"]
    assert rows[0]["top"][0] == ["positive", pytest.approx(0.993, abs=0.001)]


def test_a_line_of_a_file_is_a_sentence(model: Model, tmp_path: Path) -> None:
    (tmp_path / "reviews.txt").write_text("\ufeffgood\n\n--\r\n bad film \n", "utf-8")
    (tmp_path / "empty.txt").write_text(" \n", "utf-8")
    (tmp_path / "picture.txt").write_bytes(b"\x89PNG\xff\xfe")
    names = ["reviews.txt", "none.txt", "empty.txt", "picture.txt"]
    answers = list(predict_text_files(model, [tmp_path / name for name in names]))
    told = [
        (Path(a.input).name, a.result.label if a.result else a.error and a.error.message)
        for a in answers
    ]
    assert told == [
        ("reviews.txt:1", "positive"),
        ("reviews.txt:3", f"{tmp_path}/reviews.txt:3: no word in the text '--'"),
        ("reviews.txt:4", "negative"),
        ("none.txt", f"no such file: {tmp_path}/none.txt"),
        ("empty.txt", f"{tmp_path}/empty.txt holds no sentence"),
        ("picture.txt", f"cannot read {tmp_path}/picture.txt: it is no UTF-8 text"),
    ]


def test_a_model_of_another_kind_is_refused(picture_model: Path) -> None:
    with pytest.raises(TaskError, match="reads pictures, not sentences"):
        predict_text_files(load_model(picture_model), ["x.txt"])
