from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from edgecnn.errors import DataError, RecipeError, UsageError
from edgecnn.metadata import CharacterInput, TextInput
from edgecnn.runtime.session import load_model
from edgecnn.runtime.texts import predict_sentences
from edgecnn.training.augment import augment_batch, augment_words
from edgecnn.training.exporting import export_checkpoint
from edgecnn.training.folds import cross_validate
from edgecnn.training.network import build_module
from edgecnn.training.recipe import Recipe, flat_settings, load_recipe
from edgecnn.training.tasks import training_task
from edgecnn.training.text_choice import CharacterChoice, TextAugment, WordChoice
from edgecnn.training.train import train_recipe

RECIPE = """
name = "mood"

[model]
name = "text-cnn"
arguments = {{ embedding = 8, maps = 8, windows = [1, 2], dropout = 0.2 }}

[data]
train = "{folder}"
test = "{folder}"
validation = 0.2

[input]
kind = "text"
length = 8

[augment]
kind = "text"
unknown = 0.1

[train]
epochs = 8
batch = 16
optimizer = "adamw"
peak_rate = 2e-2
seed = 2
"""


@pytest.fixture
def mood(tmp_path: Path) -> Path:
    """Sentences in which two words decide, and a recipe for them."""
    generator = np.random.default_rng(0)
    things = ("film", "book", "song", "play", "picture")
    folder = tmp_path / "mood"
    folder.mkdir()
    for label, word in (("bad", "dull"), ("good", "fine")):
        lines = [f"a {word} {things[generator.integers(5)]} number{label}{n}" for n in range(80)]
        (folder / f"{label}.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "mood.toml").write_text(RECIPE.format(folder=folder), "utf-8")
    return tmp_path / "mood.toml"


def test_bundled_recipes() -> None:
    words = load_recipe("rt-polarity-cnn")
    assert isinstance(words.input, WordChoice)
    assert isinstance(words.augment, TextAugment)
    characters = load_recipe("shakespeare-lstm")
    assert isinstance(characters.input, CharacterChoice)
    assert characters.task == "generate"


def test_what_the_vocabulary_was_made_by_is_recorded() -> None:
    settings = flat_settings(load_recipe("rt-polarity-cnn"))
    assert settings["input.minimum"] == 2
    assert settings["augment.unknown"] == pytest.approx(0.3)
    assert "input.height" not in flat_settings(load_recipe("mnist-lenet5"))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("task=generate",), "input.kind does not fit the task generate"),
        (("input.kind=characters", "input.window=8"), "unknown key 'input.length'"),
        (("input.kind=image",), "input.height is missing"),
        (("augment.kind=image",), "unknown key 'augment.unknown'"),
        (("input.minimum=0",), ">= 1"),
        (("augment.unknown=1.5",), "< 1.0"),
    ],
)
def test_what_does_not_fit_is_refused(mood: Path, overrides: tuple[str, ...], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe(mood, overrides=overrides)


def test_the_vocabulary_is_that_of_the_training_part(mood: Path) -> None:
    recipe = load_recipe(mood)
    from edgecnn.data import open_dataset

    dataset = open_dataset(recipe.data.train)
    plan = training_task(recipe).plan(recipe, dataset, (np.arange(0, 5), np.arange(5, 160)))
    assert isinstance(plan.spec, TextInput)
    # What comes once is left out; `fine` is in the other part.
    assert {"a", "dull"} <= set(plan.spec.vocabulary)
    assert "fine" not in plan.spec.vocabulary
    assert plan.spec.vocabulary[:2] == ("", "")


def test_a_limit_of_the_vocabulary(mood: Path) -> None:
    recipe = load_recipe(mood, overrides=("input.limit=2",))
    from edgecnn.data import open_dataset

    plan = training_task(recipe).plan(recipe, open_dataset(recipe.data.train))
    assert isinstance(plan.spec, TextInput)
    assert len(plan.spec.vocabulary) == 4


def test_another_size_of_vocabulary_is_refused(mood: Path) -> None:
    recipe = load_recipe(mood, overrides=("model.arguments={words=7}",))
    spec = TextInput(length=8, vocabulary=("", "", "a"))
    with pytest.raises(UsageError, match="asks for 7 words, the data has 3"):
        build_module(recipe, ("bad", "good"), spec)


def test_a_window_longer_than_the_sentence_is_refused(mood: Path) -> None:
    recipe = load_recipe(mood, overrides=("model.arguments={windows=[9]}",))
    spec = TextInput(length=8, vocabulary=("", "", "a"))
    with pytest.raises(RecipeError, match=r"text-cnn cannot read tokens \(8,\)"):
        build_module(recipe, ("bad", "good"), spec)


def test_other_data_is_refused(mood: Path, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("once upon a time " * 20, "utf-8")
    recipe = load_recipe(mood, overrides=(f"data.train={tmp_path}/book.txt",))
    with pytest.raises(DataError, match=r"book"):
        train_recipe(recipe, tmp_path / "run")


def test_it_learns_and_the_file_answers(mood: Path, tmp_path: Path) -> None:
    summary = train_recipe(load_recipe(mood), tmp_path / "run")
    assert summary.test is not None
    assert summary.test.value > 0.95
    export_checkpoint(tmp_path / "run", tmp_path / "mood.onnx", samples=16)
    model = load_model(tmp_path / "mood.onnx", provider="cpu")
    answers = predict_sentences(model, [("", "Such a fine film!"), ("", "what a DULL book")])
    assert [answer.row()["label"] for answer in answers] == ["good", "bad"]


def test_folds_learn_their_own_vocabularies(mood: Path) -> None:
    report = cross_validate(load_recipe(mood, overrides=("train.epochs=4",)), 4)
    assert report.pooled.n == 160
    assert report.pooled.value > 0.9


def test_a_share_of_words_is_read_as_unknown() -> None:
    tokens = torch.full((400, 30), 7)
    tokens[:, 20:] = 0
    generator = torch.Generator().manual_seed(0)
    changed = augment_words(tokens, TextAugment(unknown=0.25), generator)
    assert set(changed[:, :20].flatten().tolist()) == {1, 7}
    assert (changed[:, :20] == 1).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert not changed[:, 20:].any()
    spec = TextInput(length=30, vocabulary=("", "", *"abcdef"))
    again = augment_batch(
        {"tokens": tokens},
        torch.Generator().manual_seed(0),
        spec=spec,
        settings=TextAugment(unknown=0.25),
    )
    assert torch.equal(again["tokens"], changed)


def test_choices_become_contracts() -> None:
    assert WordChoice(length=4, minimum=1).contract(("b a b",)) == TextInput(
        length=4, vocabulary=("", "", "b", "a")
    )
    assert CharacterChoice(replacement="b").contract("abba") == CharacterInput(
        vocabulary=("a", "b"), replacement="b"
    )
    kept = msgspec.json.decode(msgspec.json.encode(load_recipe("rt-polarity-cnn")), type=Recipe)
    assert kept == load_recipe("rt-polarity-cnn")
