from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.target import Target
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import RunningText
from edgecnn.errors import DataError, ModelError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import CharacterInput, ModelMetadata
from edgecnn.models.char_rnn import char_rnn
from edgecnn.models.recurrent import Cell
from edgecnn.runtime.session import load_model
from edgecnn.runtime.writer import Writer

LETTERS = tuple(" abcdefghijklmnopqrstuvwxyz")
TEXT = RunningText(
    DatasetInfo("pangrams", "all", (), "0" * 64, "", ""),
    "the quick brown fox jumps over the lazy dog " * 30,
)


def exported(folder: Path, cell: Cell) -> Path:
    torch.manual_seed(1)
    network = char_rnn(characters=27, cell=cell, hidden=32, embedding=8)
    spec = CharacterInput(vocabulary=LETTERS, states=network.states)
    contract = ModelMetadata(name="writer", task="generate", input=spec)
    path = folder / "writer.onnx"
    export_model(network, contract, TEXT.inputs(spec, np.arange(4)), path)
    return path


def test_an_lstm_becomes_one_of_eight_bits(tmp_path: Path) -> None:
    source, out = exported(tmp_path, "lstm"), tmp_path / "writer.int8.onnx"
    report = quantize_model(source, out, TEXT, evaluate=TEXT, seconds=0.05, allow_slower=True)
    kinds = {node.op_type for node in onnx.load_model(out).graph.node}
    assert "DynamicQuantizeLSTM" in kinds
    assert not kinds & {"LSTM", "Gemm", "MatMul"}
    assert report.size_bytes["int8"] < 0.7 * report.size_bytes["fp32"]
    assert report.metric == "nats per character"
    assert report.fp32 is not None
    assert report.int8 is not None
    assert report.int8 == pytest.approx(report.fp32, abs=0.02)
    # Of nats, more is worse.
    assert report.drop == pytest.approx(report.int8 - report.fp32)
    assert report.agreement > 0.9
    assert report.settings["format"] == "dynamic"

    loaded = load_model(out, provider="cpu")
    quantization = loaded.metadata.provenance.quantization
    assert quantization is not None
    assert (quantization.format, quantization.samples) == ("dynamic", 0)
    assert all(use.role != "calibration" for use in loaded.metadata.provenance.datasets)
    text = "".join(Writer(loaded).write("the ", length=20, seed=1))
    assert len(text) == 20


@pytest.mark.parametrize(("target", "largest"), [("x86-vnni", 127), ("x86", 64)])
def test_without_vnni_weights_have_seven_bits(target: Target, largest: int, tmp_path: Path) -> None:
    """Pairs of products are added in 16 bits there: of 8 bits, a tenth of the answers changed."""
    source, out = exported(tmp_path, "lstm"), tmp_path / "x.onnx"
    report = quantize_model(source, out, TEXT, seconds=0.05, target=target, allow_slower=True)
    assert report.settings["reduce_range"] == (target == "x86")
    weights = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load_model(out).graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    ]
    values = np.concatenate([array.ravel() for array in weights if array.size > 1])
    assert np.abs(values.astype(int)).max() == largest
    quantization = load_model(out, provider="cpu").metadata.provenance.quantization
    assert quantization is not None
    assert quantization.reduce_range == (target == "x86")


def test_without_data_to_measure_on_the_likeliest_characters_are_compared(tmp_path: Path) -> None:
    source = exported(tmp_path, "lstm")
    report = quantize_model(source, tmp_path / "x.onnx", TEXT, seconds=0.05, allow_slower=True)
    assert report.metric is None
    assert report.agreement > 0.9


def test_a_gru_is_refused(tmp_path: Path) -> None:
    source = exported(tmp_path, "gru")
    with pytest.raises(ModelError, match="no 8-bit form of GRU layers"):
        quantize_model(source, tmp_path / "x.onnx", TEXT, seconds=0.05, allow_slower=True)
    assert not (tmp_path / "x.onnx").exists()


def test_other_data_is_refused(tmp_path: Path, picture_model: Path) -> None:
    with pytest.raises(DataError):
        quantize_model(picture_model, tmp_path / "x.onnx", TEXT, seconds=0.05, allow_slower=True)
