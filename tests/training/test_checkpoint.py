from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from edgecnn.errors import MissingFileError, TrainingError
from edgecnn.metadata import Measured
from edgecnn.models import create_model
from edgecnn.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    load_state,
    read_recipe,
    read_tensors,
    save_checkpoint,
)
from edgecnn.training.network import build_module
from edgecnn.training.provenance import make_metadata
from edgecnn.training.recipe import load_recipe


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Checkpoint]:
    recipe = load_recipe("cifar10-resnet", overrides=("model.arguments.widths=[8,8,16]",))
    labels = tuple("abcdefghij")
    torch.manual_seed(0)
    module = build_module(recipe, labels, recipe.input).to(memory_format=torch.channels_last)
    metadata = make_metadata(recipe, labels, recipe.input, module, ())
    checkpoint = Checkpoint(module.eval(), metadata, Measured(note="x"), recipe, 7)
    save_checkpoint(tmp_path / "run", checkpoint)
    return tmp_path / "run", checkpoint


def test_round_trip(saved: tuple[Path, Checkpoint]) -> None:
    folder, checkpoint = saved
    picture = torch.randn(2, 3, 32, 32)
    for path in (folder, folder / "checkpoint.safetensors", folder / "checkpoint.json"):
        loaded = load_checkpoint(path)
        assert (loaded.metadata, loaded.measured) == (checkpoint.metadata, checkpoint.measured)
        assert (loaded.recipe, loaded.epoch) == (checkpoint.recipe, 7)
        torch.testing.assert_close(loaded.module(picture), checkpoint.module(picture))
        assert not loaded.module.training


def test_the_contract_tells_where_it_comes_from(saved: tuple[Path, Checkpoint]) -> None:
    provenance = load_checkpoint(saved[0]).metadata.provenance
    assert provenance.recipe == "cifar10-resnet"
    assert provenance.architecture == "small-resnet"
    assert provenance.settings["model.arguments.widths"] == "8,8,16"
    assert set(provenance.versions) == {"edgecnn", "numpy", "python", "torch"}


def test_weights_of_another_network(saved: tuple[Path, Checkpoint]) -> None:
    folder, _ = saved
    weights = folder / "checkpoint.safetensors"
    save_file(create_model("lenet5").state_dict(), weights)
    with pytest.raises(TrainingError, match="weights of another network: it lacks") as error:
        load_checkpoint(folder)
    assert "arguments" in str(error.value.hint)
    other = create_model("small-resnet", widths=[8, 8, 24])
    save_file(other.state_dict(), weights)
    with pytest.raises(TrainingError, match=r"has shape \(24, 8, 3, 3\), not \(16, 8, 3, 3\)"):
        load_checkpoint(folder)


def test_a_stray_tensor() -> None:
    module = create_model("lenet5")
    state = {**module.state_dict(), "stray": torch.zeros(1)}
    with pytest.raises(TrainingError, match="stray is not in this one"):
        load_state(module, state, "x")


def test_broken_files(saved: tuple[Path, Checkpoint], tmp_path: Path) -> None:
    folder, _ = saved
    weights, document = folder / "checkpoint.safetensors", folder / "checkpoint.json"
    content = weights.read_bytes()
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(TrainingError, match="not a whole safetensors file"):
        load_checkpoint(folder)
    weights.unlink()
    with pytest.raises(MissingFileError, match=r"checkpoint\.safetensors"):
        load_checkpoint(folder)
    text = json.loads(document.read_text())
    document.write_text(json.dumps({**text, "schema": 2}))
    with pytest.raises(TrainingError, match="schema 2"):
        load_checkpoint(folder)
    document.write_text("{")
    with pytest.raises(TrainingError, match="not a checkpoint's description"):
        load_checkpoint(folder)
    document.unlink()
    with pytest.raises(MissingFileError, match=r"no checkpoint\.json"):
        load_checkpoint(folder)
    with pytest.raises(MissingFileError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "nowhere")


def test_what_cannot_be_read_is_named(saved: tuple[Path, Checkpoint]) -> None:
    folder, checkpoint = saved
    assert read_recipe(folder) == checkpoint.recipe
    with pytest.raises(TrainingError, match=f"cannot read {folder}: Is a directory"):
        read_tensors(folder)
    weights, document = folder / "checkpoint.safetensors", folder / "checkpoint.json"
    weights.unlink()
    weights.mkdir()
    with pytest.raises(TrainingError, match=r"cannot read .*checkpoint\.safetensors"):
        load_checkpoint(folder)
    # Whoever runs this may be allowed to read everything, but nobody can read this one from 0.
    document.unlink()
    document.symlink_to("/proc/self/mem")
    with pytest.raises(TrainingError, match=r"cannot read .*checkpoint\.json"):
        load_checkpoint(folder)


def test_nothing_in_a_checkpoint_is_a_pickle(saved: tuple[Path, Checkpoint]) -> None:
    folder, _ = saved
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    assert b"torch._utils" not in (folder / "checkpoint.safetensors").read_bytes()
