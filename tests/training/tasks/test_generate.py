from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import RunningText, Sentences
from edgecnn.errors import DataError, RecipeError, UsageError
from edgecnn.evaluation.evaluate import evaluate_model
from edgecnn.metadata import CharacterInput, State
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.generate import generate_text
from edgecnn.runtime.writer import Writer
from edgecnn.training.checkpoint import load_checkpoint
from edgecnn.training.exporting import export_checkpoint
from edgecnn.training.network import build_module
from edgecnn.training.recipe import Recipe, load_recipe
from edgecnn.training.tasks import training_task
from edgecnn.training.tasks.generate import NextCharacter, TextWindows, torch_run
from edgecnn.training.train import train_recipe

RHYME = "jack and jill went up the hill\nto fetch a pail of water\n"

RECIPE = """
name = "rhyme"
task = "generate"

[model]
name = "char-rnn"
arguments = {{ cell = "{cell}", hidden = 32, embedding = 8, dropout = 0.0 }}

[data]
train = "{folder}/rhyme.txt"
test = "{folder}/rhyme.txt"
validation = 0.1

[input]
kind = "characters"
window = 32
replacement = " "

[train]
epochs = 15
batch = 8
optimizer = "adamw"
peak_rate = 2e-2
ema_decay = 0.9
clip_norm = 1.0
seed = 3
"""

SPEC = CharacterInput(
    vocabulary=tuple("\nabcdefghijklmnopqrstuvwxyz "),
    states=(State(input="hidden", output="hidden_out", shape=(1, 4)),),
)


def recipe(folder: Path, *overrides: str, cell: str = "lstm") -> Recipe:
    (folder / "rhyme.txt").write_text(RHYME * 60, "utf-8")
    path = folder / "rhyme.toml"
    path.write_text(RECIPE.format(folder=folder, cell=cell), "utf-8")
    return load_recipe(path, overrides=overrides)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_it_learns_a_rhyme_by_heart_and_the_file_recites_it(tmp_path: Path, cell: str) -> None:
    summary = train_recipe(recipe(tmp_path, cell=cell), tmp_path / "run")
    assert summary.test is not None
    assert summary.test.metric == "nats per character"
    assert summary.test.value < 0.15
    assert summary.validation.validation_accuracy is not None
    assert summary.validation.validation_accuracy > 0.95

    report = export_checkpoint(tmp_path / "run", tmp_path / "rhyme.onnx", samples=8)
    assert report.golden > 0
    assert report.nodes[cell.upper()] == 1
    model = load_model(tmp_path / "rhyme.onnx", provider="cpu")
    writer = Writer(model)
    assert "".join(writer.write("jack and", length=70, temperature=0)) == (RHYME * 2)[8:78]

    checkpoint = load_checkpoint(tmp_path / "run")
    network = torch_run(checkpoint.module)
    for seed in range(3):
        here = writer.write("jack", length=150, temperature=2.0, seed=seed)
        there = generate_text(network, writer.spec, "jack", length=150, temperature=2.0, seed=seed)
        assert "".join(here) == "".join(there)

    text = RunningText(DatasetInfo("rhyme", "all", (), "0" * 64, "", ""), RHYME * 60)
    measured = evaluate_model(model, text)
    assert measured.value == pytest.approx(summary.test.value, abs=1e-4)


def test_resumed_is_the_same_as_uninterrupted(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    from edgecnn.training.fit_state import FitState
    from edgecnn.training.watcher import Watcher

    class Stopping(Watcher):
        def epoch(self, state: FitState) -> None:
            if state.epoch == 2:
                raise Stop

    settings = recipe(tmp_path, "train.epochs=4")
    whole = train_recipe(settings, tmp_path / "whole")
    with pytest.raises(Stop):
        train_recipe(settings, tmp_path / "parts", watcher=Stopping())
    parts = train_recipe(settings, tmp_path / "parts", resume=True)
    assert parts.validation.validation_loss == whole.validation.validation_loss
    weights = [load_checkpoint(tmp_path / n).module.state_dict() for n in ("whole", "parts")]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], rtol=0, atol=0)


class TestPlan:
    def test_the_vocabulary_is_that_of_the_part_trained_on(self, tmp_path: Path) -> None:
        settings = recipe(tmp_path)
        text = RunningText(
            DatasetInfo("t", "all", (), "", "", ""), "abc " * 320 + "xyz" * 40 + "abc"
        )
        plan = training_task(settings).plan(settings, text)
        assert isinstance(plan.spec, CharacterInput)
        assert plan.spec.vocabulary == (" ", "a", "b", "c")
        assert [state.input for state in plan.spec.states] == ["hidden", "cell"]
        assert plan.labels == ()

    def test_the_end_of_the_text_validates(self, tmp_path: Path) -> None:
        settings = recipe(tmp_path)
        text = RunningText(DatasetInfo("t", "all", (), "", "", ""), RHYME * 60)
        plan = training_task(settings).plan(settings, text)
        inside, outside = plan.split
        assert np.array_equal(np.concatenate([inside, outside]), np.arange(len(text)))
        assert len(outside) == round(0.1 * len(text))
        limited = training_task(settings).plan(recipe(tmp_path, "data.limit=5"), text)
        assert limited.split[0].tolist() == [0, 1, 2, 3, 4]
        assert limited.split[1].tolist() == outside.tolist()

    def test_what_is_no_running_text_is_refused(self, tmp_path: Path) -> None:
        settings = recipe(tmp_path)
        sentences = Sentences(DatasetInfo("s", "all", ("a",), "", "", ""), ["x"], np.zeros(1, int))
        with pytest.raises(DataError, match="s:all is no running text"):
            training_task(settings).plan(settings, sentences)

    def test_a_network_that_does_not_write_is_refused(self, tmp_path: Path) -> None:
        settings = recipe(tmp_path, "model.name=lenet5", "model.arguments={}")
        text = RunningText(DatasetInfo("t", "all", (), "", "", ""), RHYME * 60)
        with pytest.raises((RecipeError, UsageError), match="lenet5"):
            training_task(settings).plan(settings, text)

    def test_another_size_of_vocabulary_is_refused(self, tmp_path: Path) -> None:
        settings = recipe(tmp_path, "model.arguments={characters=9}")
        text = RunningText(DatasetInfo("t", "all", (), "", "", ""), RHYME * 60)
        plan = training_task(settings).plan(settings, text)
        with pytest.raises(UsageError, match="asks for 9 characters, the data has 19"):
            build_module(settings, plan.labels, plan.spec)


class TestTextWindows:
    windows = TextWindows(torch.arange(1000) % 27, 32, SPEC)

    def test_an_epoch_reads_the_text_once_from_another_beginning(self) -> None:
        generator = torch.Generator().manual_seed(0)
        starts = [self.windows.order(0.0, generator) for _ in range(5)]
        for order in starts:
            assert len(order) == len(self.windows) == 30
            assert order.sort().values.diff().tolist() == [32] * 29
            assert int(order.min()) >= 0
            assert int(order.max()) + 33 <= 1000
        assert len({int(order.min()) for order in starts}) > 1

    def test_targets_are_the_characters_after(self) -> None:
        batch = self.windows.draw(torch.tensor([0, 500, 967]), torch.Generator())
        read = batch.inputs["characters"]
        assert read.shape == batch.targets.shape == (3, 32)
        assert torch.equal(read[:, 1:], batch.targets[:, :-1])
        assert batch.inputs["hidden"].shape == (3, 1, 4)

    def test_a_short_text_is_refused(self) -> None:
        with pytest.raises(DataError, match="a text of 40 characters for windows of 32"):
            TextWindows(torch.zeros(40, dtype=torch.int64), 32, SPEC)


def test_validation_carries_the_state_on(tmp_path: Path) -> None:
    """What is validated in streams and chunks is what the whole text gives at once."""
    settings = recipe(tmp_path)
    task = training_task(settings)
    text = RunningText(DatasetInfo("t", "all", (), "", "", ""), RHYME * 2000)
    plan = task.plan(settings, text)
    torch.manual_seed(0)
    network = build_module(settings, plan.labels, plan.spec).eval()
    prepared = task.prepare(settings, text, plan)
    objective = prepared.objective
    assert isinstance(objective, NextCharacter)
    inputs, targets = prepared.validation.inputs, prepared.validation.targets
    assert inputs["characters"].shape[1] > 600
    with torch.no_grad():
        logits = network(**inputs)[0]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    assert objective.validate(network, prepared.validation).loss == pytest.approx(
        expected, rel=1e-5
    )
