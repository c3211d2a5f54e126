from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgecnn.errors import TaskError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import CharacterInput, ModelMetadata
from edgecnn.models.char_rnn import CharGRU, CharLSTM, char_rnn
from edgecnn.models.recurrent import Cell
from edgecnn.preprocessing.text import text_inputs
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.generate import generate_text
from edgecnn.runtime.writer import Writer
from edgecnn.training.tasks.generate import torch_run

LETTERS = tuple("\n abcdefghijklmnopqrstuvwxyz")


def written(folder: Path, cell: Cell, layers: int) -> tuple[CharLSTM | CharGRU, Writer]:
    torch.manual_seed(1)
    network = char_rnn(characters=28, cell=cell, hidden=24, layers=layers, embedding=8).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    spec = CharacterInput(vocabulary=LETTERS, replacement=" ", states=network.states)
    contract = ModelMetadata(name="writer", task="generate", input=spec)
    samples = text_inputs("the quick brown fox jumps over the lazy dog", spec)
    export_model(network, contract, samples, folder / "writer.onnx")
    return network, Writer(load_model(folder / "writer.onnx", provider="cpu"))


@pytest.mark.parametrize(("cell", "layers"), [("lstm", 1), ("lstm", 2), ("gru", 2)])
def test_the_file_writes_what_pytorch_writes(tmp_path: Path, cell: Cell, layers: int) -> None:
    network, writer = written(tmp_path, cell, layers)
    for temperature, seed in ((1.0, 0), (0.5, 7)):
        settings = {"length": 300, "temperature": temperature, "seed": seed}
        here = "".join(writer.write("once upon a time", **settings))  # type: ignore[arg-type]
        there = "".join(
            generate_text(torch_run(network), writer.spec, "once upon a time", **settings)  # type: ignore[arg-type]
        )
        assert here == there
        assert len(set(here)) > 5


def test_a_model_of_another_task_is_refused(picture_model: Path) -> None:
    with pytest.raises(TaskError, match="reads pictures and cannot write") as error:
        Writer(load_model(picture_model))
    assert "edgecnn predict" in str(error.value.hint)
