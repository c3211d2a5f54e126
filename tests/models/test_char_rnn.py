from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import RunningText
from edgecnn.errors import UsageError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import CharacterInput, ModelMetadata
from edgecnn.models import architecture, create_model
from edgecnn.models.char_rnn import CharGRU, CharLSTM, char_rnn
from edgecnn.models.recurrent import Cell

CELLS: tuple[Cell, ...] = ("lstm", "gru")


def small(cell: Cell, layers: int = 2) -> CharLSTM | CharGRU:
    torch.manual_seed(0)
    return char_rnn(characters=9, cell=cell, hidden=12, layers=layers, embedding=5).eval()


def start(model: CharLSTM | CharGRU, rows: int) -> list[torch.Tensor]:
    return [torch.zeros(rows, *state.shape) for state in model.states]


@pytest.mark.parametrize("cell", CELLS)
def test_shapes(cell: Cell) -> None:
    model = small(cell)
    outputs = model(torch.zeros(3, 7, dtype=torch.int64), *start(model, 3))
    assert outputs[0].shape == (3, 7, 9)
    assert [output.shape for output in outputs[1:]] == [(3, 2, 12)] * len(model.states)


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_character_by_character_is_the_same_as_at_once(cell: Cell) -> None:
    model = small(cell)
    text = torch.randint(0, 9, (2, 11))
    whole, *last = model(text, *start(model, 2))
    states, parts = start(model, 2), []
    for step in range(11):
        logits, *states = model(text[:, step : step + 1], *states)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    for now, then in zip(states, last, strict=True):
        torch.testing.assert_close(now, then)


@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_every_state_is_read(cell: Cell) -> None:
    model = small(cell)
    text = torch.randint(0, 9, (1, 4))
    plain = model(text, *start(model, 1))[0]
    for number in range(len(model.states)):
        states = start(model, 1)
        states[number] += 1
        assert not torch.allclose(model(text, *states)[0], plain)


def test_names_of_the_states() -> None:
    assert [(s.input, s.output) for s in small("lstm").states] == [
        ("hidden", "hidden_out"),
        ("cell", "cell_out"),
    ]
    assert [s.input for s in small("gru").states] == ["hidden"]


def test_parameters_are_those_of_the_textbook() -> None:
    # Four gates of an LSTM, three of a GRU, each with two biases as PyTorch has them.
    for cell, gates in zip(CELLS, (4, 3), strict=True):
        model = char_rnn(characters=10, cell=cell, hidden=8, layers=2, embedding=6)
        layers = gates * 8 * (6 + 8 + 2) + gates * 8 * (8 + 8 + 2)
        assert sum(p.numel() for p in model.parameters()) == 10 * 6 + layers + 8 * 10 + 10


def test_values_out_of_range() -> None:
    with pytest.raises(UsageError, match="char-rnn: hidden=0"):
        char_rnn(hidden=0)
    with pytest.raises(UsageError, match="char-rnn: dropout=1"):
        char_rnn(dropout=1.0)


@pytest.mark.long
def test_full_size(tmp_path: Path) -> None:
    """As it is registered; narrow ones are exported and quantized where text is generated."""
    torch.manual_seed(0)
    entry = architecture("char-rnn")
    letters = tuple(chr(32 + number) for number in range(entry.whole["characters"]))
    network = create_model("char-rnn").eval()
    assert isinstance(network, CharLSTM)
    spec = CharacterInput(vocabulary=letters, replacement=" ", states=network.states)
    drawn = np.random.default_rng(0).choice(letters, size=4000)
    text = RunningText(DatasetInfo("drawn", "all", (), "0" * 64, "", ""), "".join(drawn))
    metadata = ModelMetadata(name="writer", task="generate", input=spec)
    report = export_model(network, metadata, text.inputs(spec, np.arange(4)), tmp_path / "x.onnx")
    assert report.size_bytes == pytest.approx(4 * entry.parameters, rel=0.05, abs=100_000)
    quantized = quantize_model(tmp_path / "x.onnx", tmp_path / "x.int8.onnx", text, seconds=0.05)
    assert quantized.settings["format"] == "dynamic"
    assert quantized.size_bytes["int8"] < 0.5 * quantized.size_bytes["fp32"]
