from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import Struct

from edgecnn.errors import MissingFileError, RecipeError
from edgecnn.metadata import BeatInput, ImageInput
from edgecnn.models import model_names
from edgecnn.training.augment_choice import BeatAugment, ImageAugment
from edgecnn.training.recipe import DataChoice, flat_settings, load_recipe, recipe_names
from edgecnn.training.recipe_keys import struct_keys
from edgecnn.training.settings import TrainSettings, Transfer
from edgecnn.training.text_choice import TextAugment


def test_bundled_recipes() -> None:
    assert {"cifar10-resnet", "digits-yolo", "ecg-beats", "mnist-lenet5"} <= set(recipe_names())
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.name == name
        assert recipe.title
        assert recipe.model.name in model_names()
    assert isinstance(load_recipe("ecg-beats").input, BeatInput)
    for name in ("cifar10-resnet", "digits-yolo", "mnist-lenet5"):
        assert isinstance(load_recipe(name).input, ImageInput)


def test_values_are_overridden_with_their_types() -> None:
    recipe = load_recipe(
        "mnist-lenet5",
        overrides=(
            "train.epochs=3",
            "train.peak_rate = 0.25",
            "train.optimizer=adamw",
            "data.train='elsewhere:train'",
            "input.mean=[0.5]",
            "model.arguments.dropout=0.3",
            "augment.flip=true",
        ),
    )
    assert recipe.train.epochs == 3
    assert recipe.train.peak_rate == 0.25
    assert recipe.train.optimizer == "adamw"
    assert recipe.data.train == "elsewhere:train"
    assert recipe.input.mean == (0.5,)
    assert recipe.model.arguments == {"dropout": 0.3}
    assert flat_settings(recipe)["augment.flip"] is True


@pytest.mark.parametrize(
    ("bare", "full"),
    [
        ("epochs=3", "train.epochs=3"),
        ("lr=0.2", "train.peak_rate=0.2"),
        ("dropout=0.3", "model.arguments.dropout=0.3"),
        ("shear_deg=1", "augment.shear_deg=1"),
        ("title=mine", "title=mine"),
    ],
)
def test_a_table_can_be_left_out_where_only_one_has_the_key(bare: str, full: str) -> None:
    changed = load_recipe("mnist-lenet5", overrides=(bare,))
    assert changed == load_recipe("mnist-lenet5", overrides=(full,))
    assert changed != load_recipe("mnist-lenet5")


def test_settings_are_flat_and_complete() -> None:
    flat = flat_settings(load_recipe("cifar10-resnet"))
    assert flat["model.arguments.widths"] == "16,48,112"
    assert flat["train.precision"] == "bf16"
    assert flat["augment.crop"] == 4
    assert all(isinstance(value, str | int | float | bool) for value in flat.values())


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        ("train.epoch=3", "unknown key 'train.epoch'", "epochs, batch"),
        ("trian.epochs=3", "unknown key 'trian'", "model, data"),
        ("augment.rotation=3", "unknown key 'augment.rotation'", "rotate_deg"),
        ("input.hight=3", "unknown key 'input.hight'", "height"),
        ("train.epochs=three", "train.epochs is 'three': expected a whole number", None),
        ("train.epochs=0", "train.epochs is 0: expected a whole number >= 1", None),
        ("train.momentum=1.5", "train.momentum is 1.5: expected a number < 1", None),
        ("train.optimizer=adam", "train.optimizer cannot be 'adam'", "adamw, sgd"),
        ("data.validation=0.9", "data.validation is 0.9: expected a number <= 0.5", None),
        ("train.seed=4294967296", "a whole number <= 4294967295", None),
        ("augment.crop=28", "augment.crop=28 needs pictures larger", "at most 27"),
        ("input.mean=[1,2]", "2 values for 1 channels", None),
        ("epoch=3", "a recipe has no key 'epoch'", "epochs, batch"),
        ("noise=1", "a recipe has no key 'noise'", "with its table"),
        ("train.epochs", "cannot read the override", "train.epochs=3"),
        ("=3", "cannot read the override", "train.epochs=3"),
        ("name.first=x", "name is not a table", None),
        ("augment.kind=beat", "", None),
    ],
)
def test_bad_overrides(override: str, message: str, hint: str | None) -> None:
    with pytest.raises(RecipeError) as error:
        load_recipe("mnist-lenet5", overrides=(override,))
    assert message in error.value.message
    assert "\n" not in error.value.message
    if hint:
        assert hint in str(error.value.hint)


def test_augmentation_must_fit_the_input(tmp_path: Path) -> None:
    text = Path(load_text("mnist-lenet5"))
    path = tmp_path / "mixed.toml"
    body = text.read_text()
    start = body.index("[augment]")
    end = body.index("[train]")
    path.write_text(body[:start] + '[augment]\nkind = "beat"\n\n' + body[end:])
    with pytest.raises(RecipeError, match="does not fit"):
        load_recipe(path)


def test_best_needs_a_validation_set() -> None:
    with pytest.raises(RecipeError, match="keep='best'"):
        load_recipe("mnist-lenet5", overrides=("train.keep=best", "data.validation=0"))


def test_no_such_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe named 'mnist'") as error:
        load_recipe("mnist")
    assert "mnist-lenet5" in str(error.value.hint)
    with pytest.raises(MissingFileError, match=r"nowhere\.toml"):
        load_recipe(tmp_path / "nowhere.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(RecipeError, match="cannot read"):
        load_recipe(tmp_path / "folder.toml")
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(RecipeError, match="not valid TOML"):
        load_recipe(tmp_path / "bad.toml")
    (tmp_path / "short.toml").write_text('name = "x"')
    with pytest.raises(RecipeError, match="model is missing"):
        load_recipe(tmp_path / "short.toml")


def load_text(name: str) -> str:
    import edgecnn.training

    return str(Path(edgecnn.training.__file__).parent / "recipes" / f"{name}.toml")


def test_the_recipe_for_ones_own_pictures_reads_what_its_source_reads() -> None:
    own, source = load_recipe("own-pictures"), load_recipe("cifar10-resnet")
    assert own.transfer is not None
    assert own.transfer.source == f"runs/{source.name}"
    assert (own.model, own.input) == (source.model, source.input)


@pytest.mark.parametrize("override", ["transfer.source=", 'transfer.source=""'])
def test_without_a_source_it_trains_from_scratch(override: str) -> None:
    recipe = load_recipe("own-pictures", overrides=(override, "transfer.train_stages=0"))
    assert recipe.transfer is None
    assert not any(key.startswith("transfer") for key in flat_settings(recipe))


@pytest.mark.parametrize(
    "table", [DataChoice, TrainSettings, Transfer, ImageAugment, BeatAugment, TextAugment]
)
def test_every_key_is_on_a_page(table: type[Struct], repository: Path) -> None:
    """Where a user looks for it."""
    pages = ("train.md", "transfer.md")
    told = "".join((repository / "docs" / page).read_text() for page in pages)
    missing = [key for key in struct_keys(table) if not re.search(rf"[`.]{key}\b", told)]
    assert not missing
