from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.errors import MissingFileError, TrainingError
from edgecnn.runtime.session import load_model
from edgecnn.training.checkpoint import load_checkpoint
from edgecnn.training.examples import as_examples
from edgecnn.training.exporting import export_checkpoint
from edgecnn.training.loop import predict_outputs
from edgecnn.training.recipe import load_recipe
from edgecnn.training.train import train_recipe


@pytest.fixture
def trained(tiny: Path, tmp_path: Path) -> Path:
    train_recipe(load_recipe(tiny), tmp_path / "run")
    return tmp_path / "run"


def test_the_file_answers_as_the_checkpoint_does(
    trained: Path, tmp_path: Path, drawings: Path
) -> None:
    report = export_checkpoint(trained, tmp_path / "tiny.onnx", samples=20)
    assert report.parity.samples == 20
    assert report.parity.top1_agreement == 1.0
    model = load_model(tmp_path / "tiny.onnx", provider="cpu")
    checkpoint = load_checkpoint(trained)
    test = open_dataset(drawings / "test")
    logits = predict_outputs(checkpoint.module, as_examples(test, model.metadata.input).inputs)
    np.testing.assert_allclose(
        model.run(test.inputs(model.metadata.input)), logits.numpy(), atol=1e-4
    )
    assert model.metadata.labels == ("cross", "ring")
    roles = [use.role for use in model.metadata.provenance.datasets]
    assert roles == ["train", "validation", "test", "parity"]


def test_the_same_checkpoint_gives_the_same_contract(trained: Path, tmp_path: Path) -> None:
    reports = [export_checkpoint(trained, tmp_path / f"{n}.onnx", samples=4) for n in "ab"]
    assert reports[0].sha256 == reports[1].sha256


def test_nothing_is_written_without_a_checkpoint(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        export_checkpoint(tmp_path / "nowhere", tmp_path / "x.onnx")
    weights = trained / "checkpoint.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(TrainingError):
        export_checkpoint(trained, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
