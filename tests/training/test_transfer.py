from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from edgecnn.errors import MissingFileError, ModelError, TrainingError
from edgecnn.files import sha256_of
from edgecnn.models import create_model
from edgecnn.training.checkpoint import load_checkpoint
from edgecnn.training.recipe import load_recipe
from edgecnn.training.settings import Transfer
from edgecnn.training.train import train_recipe
from edgecnn.training.transfer import check_pixels, load_pretrained, read_keys


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    torch.manual_seed(1)
    state = create_model("lenet5", classes=10).state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors", state


def test_all_but_the_head_is_taken_over(trained: tuple[Path, dict[str, torch.Tensor]]) -> None:
    path, state = trained
    module = create_model("lenet5", classes=3)
    fresh = load_pretrained(module, Transfer(source=str(path)))
    assert fresh
    last = [key for key in state if key.startswith("classifier.")][-2:]
    assert list(fresh) == last
    for key, value in module.state_dict().items():
        if key not in fresh:
            torch.testing.assert_close(value, state[key])


def test_classifiers_that_only_training_uses_start_fresh_too(tmp_path: Path) -> None:
    state = create_model("googlenet", classes=9, width=0.1).state_dict()
    save_file(state, tmp_path / "nine.safetensors")
    module = create_model("googlenet", classes=2, width=0.1)
    fresh = load_pretrained(module, Transfer(source=str(tmp_path / "nine.safetensors")))
    assert {key.split(".")[0] for key in fresh} == {"fc", "aux1", "aux2"}


def test_the_head_too_when_it_is_asked_for(
    trained: tuple[Path, dict[str, torch.Tensor]],
) -> None:
    path, state = trained
    module = create_model("lenet5", classes=10)
    assert load_pretrained(module, Transfer(source=str(path), keep_head=True)) == ()
    torch.testing.assert_close(dict(module.state_dict()), dict(state))
    with pytest.raises(TrainingError, match=r"classifier\..* has shape \(10"):
        load_pretrained(
            create_model("lenet5", classes=3), Transfer(source=str(path), keep_head=True)
        )


def test_foreign_names_go_through_a_map(
    trained: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    _, state = trained
    foreign = {f"model.{key.replace('features', 'body')}": v for key, v in state.items()}
    foreign["step"] = torch.tensor(7)
    torch.save(foreign, tmp_path / "foreign.pt")
    keys = tmp_path / "keys.toml"
    keys.write_text(
        '[keys]\n"model" = "nowhere"\n"model.body" = "features"\n'
        '"model.classifier" = "classifier"\nstep = ""\n'
    )
    module = create_model("lenet5", classes=2)
    load_pretrained(module, Transfer(source=str(tmp_path / "foreign.pt"), keys=str(keys)))
    first = next(key for key in state if key.startswith("features"))
    torch.testing.assert_close(module.state_dict()[first], state[first])
    with pytest.raises(TrainingError, match=r"it lacks features\..*; 0 of \d+ weights agree"):
        load_pretrained(module, Transfer(source=str(tmp_path / "foreign.pt")))


def test_a_beginning_is_taken_away(
    trained: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path
) -> None:
    """As wrappers for several processors, and some libraries' trainers, put before all names."""
    _, state = trained
    foreign = {f"module.{key.replace('features', 'body')}": v for key, v in state.items()}
    torch.save(foreign, tmp_path / "foreign.pt")
    keys = tmp_path / "keys.toml"
    keys.write_text('[keys]\n"module" = "."\n"module.body" = "features"\n')
    module = create_model("lenet5")
    load_pretrained(
        module, Transfer(source=str(tmp_path / "foreign.pt"), keys=str(keys), keep_head=True)
    )
    torch.testing.assert_close(dict(module.state_dict()), state)


def test_another_network_is_refused(trained: tuple[Path, dict[str, torch.Tensor]]) -> None:
    path, _ = trained
    module = create_model("resnet9")
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(TrainingError, match="weights of another network") as caught:
        load_pretrained(module, Transfer(source=str(path)))
    assert "transfer.keys" in str(caught.value.hint)
    torch.testing.assert_close(dict(module.state_dict()), before)


def test_what_is_left_over_is_refused(tmp_path: Path) -> None:
    state = {**create_model("lenet5").state_dict(), "features.99.weight": torch.zeros(1)}
    save_file(state, tmp_path / "more.safetensors")
    with pytest.raises(TrainingError, match=r"features\.99\.weight is not in this one"):
        load_pretrained(create_model("lenet5"), Transfer(source=str(tmp_path / "more.safetensors")))


def test_no_file_and_no_weights(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no weights to start from"):
        load_pretrained(create_model("lenet5"), Transfer(source=str(tmp_path / "none")))
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ModelError, match="not a safetensors file"):
        load_pretrained(create_model("lenet5"), Transfer(source=str(tmp_path / "text.safetensors")))


@pytest.mark.parametrize("text", ["keys = 3", "[keys]\na = 3", "[other]", "a ="])
def test_a_map_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text(text)
    with pytest.raises(TrainingError):
        read_keys(tmp_path / "keys.toml")


def test_pixels_must_mean_what_they_meant(tiny: Path, tmp_path: Path) -> None:
    train_recipe(load_recipe(tiny, overrides=("train.epochs=1",)), tmp_path / "first")
    start = f'transfer.source="{tmp_path / "first"}"'
    for override, fault in (
        ("input.mean=[0.5]", r"input\.mean=\[0\.1\], this recipe has \[0\.5\]"),
        ("input.scale=1", r"input\.scale=0\.00392157, this recipe has 1$"),
    ):
        recipe = load_recipe(tiny, overrides=(start, override))
        with pytest.raises(TrainingError, match=fault) as caught:
            train_recipe(recipe, tmp_path / "second")
        assert str(caught.value.hint).startswith("--set input.")
    assert not (tmp_path / "second").exists()
    # Of weights without a description nothing is known.
    weights = tmp_path / "first" / "checkpoint.safetensors"
    weights.rename(tmp_path / "bare.safetensors")
    bare = Transfer(source=str(tmp_path / "bare.safetensors"))
    check_pixels(bare, load_recipe(tiny, overrides=("input.mean=[0.5]",)).input)


def test_a_recipe_starts_from_another_training(tiny: Path, tmp_path: Path) -> None:
    """The second training begins where the first ended, and says so in its file."""
    train_recipe(load_recipe(tiny), tmp_path / "first")
    start = f'transfer.source="{tmp_path / "first"}"'
    overrides = (start, "transfer.train_stages=0", "train.epochs=1", "model.arguments={}")
    train_recipe(load_recipe(tiny, overrides=overrides), tmp_path / "second")
    first, second = (load_checkpoint(tmp_path / run) for run in ("first", "second"))
    state, started = first.module.state_dict(), second.module.state_dict()
    below = [key for key in state if not key.startswith("classifier.")]
    assert below
    for key in below:
        torch.testing.assert_close(started[key], state[key])
    settings = second.metadata.provenance.settings
    assert settings["transfer.source"] == "first", "a path of this machine is in the contract"
    assert settings["transfer.sha256"] == sha256_of(tmp_path / "first" / "checkpoint.safetensors")
    assert settings["transfer.train_stages"] == 0
