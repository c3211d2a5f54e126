"""A file is made again from its lock alone, and a changed input is told."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import safetensors.torch
import torch

from edgecnn.errors import MetadataError, MissingFileError, ModelError
from edgecnn.export.contract import image_contract
from edgecnn.export.derive import derive_model
from edgecnn.export.embed import embed
from edgecnn.export.exporter import export_model
from edgecnn.metadata import Quantization, decode_metadata
from edgecnn.runtime.session import load_model
from edgecnn.training.exporting import export_checkpoint
from edgecnn.training.rebuilding import rebuild_model
from edgecnn.training.recipe import load_recipe
from edgecnn.training.train import train_recipe

CODE = """
from torch import nn

def build():
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4, 4))
"""
CONTRACT = image_contract("quarters", ("a", "b", "c", "d"), (1, 8, 8))


@pytest.fixture
def trained(tiny: Path, tmp_path: Path) -> Path:
    train_recipe(load_recipe(tiny), tmp_path / "runs" / "tiny")
    return tmp_path / "runs"


def test_a_checkpoint_from_another_folder(trained, tmp_path, drawings, monkeypatch):
    file = tmp_path / "tiny.onnx"
    export_checkpoint(trained / "tiny", file, samples=6, data=str(drawings / "test"))
    before = file.read_bytes()
    moved = tmp_path / "elsewhere" / "deep"
    shutil.copytree(trained / "tiny", moved / "renamed")
    shutil.rmtree(trained)
    monkeypatch.chdir(tmp_path / "elsewhere")
    report = rebuild_model(file)
    assert report.same
    assert report.differences == ()
    assert Path(report.inputs["checkpoint.safetensors"]).parent == Path("deep", "renamed")
    # A folder of pictures is known by its content alone: it has to be named.
    assert "test:all is not at hand" in report.remarks[0]
    assert rebuild_model(file, verify_with=[drawings / "test"]).remarks == ()
    assert file.read_bytes() == before

    weights = moved / "renamed" / "checkpoint.safetensors"
    state = safetensors.torch.load_file(weights)
    name = next(name for name, value in state.items() if value.is_floating_point())
    state[name].view(-1)[0] += 0.5
    safetensors.torch.save_file(state, weights)
    report = rebuild_model(file, [moved])
    assert not report.same
    assert "is not the file of then" in report.remarks[0]
    changed = "\n".join(report.differences)
    assert "contract provenance.lock.weights_sha256" in changed
    assert "values differ, by at most" in changed


@pytest.fixture
def factory(tmp_path, monkeypatch):
    """A network of the user's own, exported with its weights."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "rebuilt_net", raising=False)
    here = tmp_path / "here"
    here.mkdir()
    (here / "rebuilt_net.py").write_text(CODE)
    monkeypatch.chdir(here)
    torch.manual_seed(0)
    state = {"2.weight": 5 * torch.eye(4), "2.bias": torch.zeros(4)}
    safetensors.torch.save_file(state, "net.safetensors")
    export_model(
        "rebuilt_net:build",
        CONTRACT,
        None,
        tmp_path / "q.onnx",
        weights="net.safetensors",
        opset=18,
    )
    yield here
    sys.modules.pop("rebuilt_net", None)


def test_a_factory_from_another_folder(factory, tmp_path, monkeypatch):
    there = factory.rename(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    assert rebuild_model("q.onnx", [there]).same
    (there / "rebuilt_net.py").write_text(CODE.replace("Flatten()", "Flatten(), nn.ReLU()"))
    # As a process of its own reads it: anew.
    sys.modules.pop("rebuilt_net")
    with pytest.raises(ModelError, match="does not fit the network"):
        rebuild_model("q.onnx", [there])
    (there / "net.safetensors").unlink()
    with pytest.raises(MissingFileError, match=r"net\.safetensors \(sha256"):
        rebuild_model("q.onnx", [there])


def test_a_foreign_file(factory, tmp_path):
    export_model(tmp_path / "q.onnx", None, None, tmp_path / "again.onnx", dynamic=("batch",))
    assert rebuild_model(tmp_path / "again.onnx", [tmp_path]).same


def test_forms_that_were_made_of_it(factory, tmp_path):
    out = tmp_path / "camera.onnx"
    derive_model(tmp_path / "q.onnx", out, fp16=True, preprocessing=True, decoding=True, top=2)
    lock = load_model(out, provider="cpu").metadata.provenance.lock
    assert lock.settings == {
        "fp16": True,
        "embed_preprocessing": True,
        "embed_decoding": True,
        "top": 2,
    }
    assert rebuild_model(out, [factory]).differences == ()


def test_a_program(tmp_path):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4)).eval()
    dynamic = ({0: torch.export.Dim("rows")},)
    program = torch.export.export(net, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=dynamic)
    torch.export.save(program, tmp_path / "net.pt2")
    export_model(tmp_path / "net.pt2", CONTRACT, None, tmp_path / "p.onnx")
    assert rebuild_model(tmp_path / "p.onnx", [tmp_path / "net.pt2"]).same


def test_a_file_that_was_changed_since(factory, tmp_path):
    model = onnx.load(tmp_path / "q.onnx")
    tensor = model.graph.initializer[0]
    values = onnx.numpy_helper.to_array(tensor).copy()
    values.flat[0] += np.float32(1)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save_model(model, tmp_path / "q.onnx")
    report = rebuild_model(tmp_path / "q.onnx", [factory])
    assert report.differences == (
        f"weights {tensor.name}: 1 of {values.size} values differ, by at most 1",
    )


def test_whatever_the_file_is_called(factory, tmp_path):
    (tmp_path / "q.onnx").rename(tmp_path / "q.model")
    assert rebuild_model(tmp_path / "q.model", [factory]).same
    with pytest.raises(ModelError, match="does not say what it was exported from"):
        rebuild_model("bundled:mnist-lenet5", [factory])


def test_what_cannot_be_made_again(factory, tmp_path):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
    export_model(net, CONTRACT, None, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="exported from Python, as an object of class Sequential"):
        rebuild_model(tmp_path / "m.onnx", [tmp_path])
    model = onnx.load(tmp_path / "q.onnx")
    metadata = decode_metadata(model.metadata_props[0].value)
    for field, message in (
        ({"lock": None}, "does not say what it was exported from"),
        (
            {
                "quantization": Quantization(
                    format="QDQ",
                    activations="uint8",
                    weights="int8",
                    per_channel=True,
                    method="minmax",
                    samples=1,
                )
            },
            "was quantized after its export",
        ),
    ):
        provenance = msgspec.structs.replace(metadata.provenance, **field)
        embed(model, msgspec.structs.replace(metadata, provenance=provenance))
        onnx.save_model(model, tmp_path / "other.onnx")
        with pytest.raises(ModelError, match=message):
            rebuild_model(tmp_path / "other.onnx", [tmp_path])
    del model.metadata_props[:]
    onnx.save_model(model, tmp_path / "other.onnx")
    with pytest.raises(MetadataError):
        rebuild_model(tmp_path / "other.onnx", [tmp_path])
    with pytest.raises(MissingFileError):
        rebuild_model(tmp_path / "nowhere.onnx", [tmp_path])
