from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from edgecnn.errors import TrainingError
from edgecnn.models import create_model
from edgecnn.training.augment import AugmentedExamples
from edgecnn.training.examples import Examples
from edgecnn.training.fit_state import FitState
from edgecnn.training.loop import fit, predict_outputs
from edgecnn.training.recipe import load_recipe
from edgecnn.training.settings import TrainSettings
from edgecnn.training.tasks.classify import Classify, CrossEntropy
from edgecnn.training.watcher import Watcher


def settings(**changes: object) -> TrainSettings:
    values: dict[str, object] = {"epochs": 3, "batch": 8, "peak_rate": 0.05}
    return TrainSettings(**{**values, **changes})  # type: ignore[arg-type]


def halves(count: int = 40) -> Examples:
    """Pictures whose left or right half is bright."""
    generator = torch.Generator().manual_seed(0)
    pictures = 0.3 * torch.randn(count, 1, 28, 28, generator=generator)
    targets = torch.arange(count) % 2
    pictures[targets == 0, :, :, :14] += 1
    pictures[targets == 1, :, :, 14:] += 1
    return Examples({"input": pictures}, targets)


def fresh(chosen: TrainSettings) -> FitState:
    torch.manual_seed(0)
    return FitState.fresh(create_model("lenet5", classes=2), chosen)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimizer": "adamw", "peak_rate": 3e-3},
        {"precision": "bf16", "channels_last": True},
        {"balance": 1.0, "label_smoothing": 0.1, "clip_norm": 1.0, "ema_decay": 0.5},
    ],
)
def test_it_learns(changes: dict[str, object]) -> None:
    chosen = settings(epochs=6, **changes)
    state = fresh(chosen)
    fit(state, halves(), halves(20), chosen, CrossEntropy())
    assert state.epoch == 6
    assert [result.epoch for result in state.history] == [1, 2, 3, 4, 5, 6]
    last = state.history[-1]
    assert last.validation_accuracy == 1.0
    assert last.validation_macro_f1 == 1.0
    assert last.train_loss < state.history[0].train_loss


def test_epochs_are_repeatable() -> None:
    def run() -> list[float]:
        state = fresh(settings())
        fit(state, halves(), halves(10), settings(), CrossEntropy())
        return [result.train_loss for result in state.history]

    first = run()
    torch.manual_seed(99)
    assert run() == first


def test_a_loss_that_is_not_finite_stops_the_training() -> None:
    chosen = settings(epochs=20, peak_rate=1e9, warmup=0.0)
    with pytest.raises(
        TrainingError, match=r"the loss is (nan|inf) at epoch \d+, step \d+"
    ) as error:
        fit(fresh(chosen), halves(), None, chosen, CrossEntropy())
    assert "--set train.peak_rate=2.5e+08" in str(error.value.hint)


def test_no_examples() -> None:
    with pytest.raises(TrainingError, match="no examples"):
        fit(fresh(settings()), halves(0), None, settings(), CrossEntropy())


def test_balanced_classes_are_drawn_equally_often() -> None:
    seen: list[torch.Tensor] = []

    def spy(inputs: dict[str, torch.Tensor], _: torch.Generator) -> dict[str, torch.Tensor]:
        seen.append(inputs["input"][:, 0, 0, 0])
        return dict(inputs)

    targets = torch.cat([torch.zeros(900), torch.ones(100)]).long()
    marked = targets.float().view(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    for balance, low, high in ((0.0, 0.1, 0.1), (0.5, 0.2, 0.3), (1.0, 0.44, 0.56)):
        seen.clear()
        chosen = settings(epochs=1, batch=100, balance=balance, peak_rate=1e-3)
        drawn = AugmentedExamples(Examples({"input": marked}, targets), spy, classes=2)
        fit(fresh(chosen), drawn, None, chosen, CrossEntropy())
        assert low - 1e-6 <= torch.cat(seen).mean().item() <= high + 1e-6


def test_without_validation_nothing_is_said_about_it() -> None:
    state = fresh(settings(epochs=1))
    fit(state, halves(), None, settings(epochs=1), CrossEntropy())
    assert state.history[0].validation_loss is None
    assert state.best is None
    assert state.best_epoch == 0


def test_the_best_epoch_is_the_one_of_least_validation_loss() -> None:
    chosen = settings(epochs=5)
    state = fresh(chosen)
    fit(state, halves(), halves(10), chosen, CrossEntropy())
    losses = [result.validation_loss or math.inf for result in state.history]
    assert state.best_epoch == 1 + losses.index(min(losses))
    assert state.best is not None


def test_the_watcher_hears_of_every_step() -> None:
    heard: list[str] = []

    class Spy(Watcher):
        def start(self, first_epoch: int, epochs: int, steps: int) -> None:
            heard.append(f"start {first_epoch} {epochs} {steps}")

        def step(self, epoch: int, step: int, loss: float) -> None:
            heard.append(f"step {epoch} {step}")

        def epoch(self, state: FitState) -> None:
            heard.append(f"epoch {state.epoch}")

        def end(self) -> None:
            heard.append("end")

    chosen = settings(epochs=2, batch=20)
    fit(fresh(chosen), halves(), None, chosen, CrossEntropy(), watcher=Spy())
    assert heard == [
        *("start 1 2 2", "step 1 1", "step 1 2", "epoch 1", "step 2 1", "step 2 2", "epoch 2"),
        "end",
    ]


def test_the_watcher_hears_of_the_end_of_a_training_that_failed() -> None:
    heard: list[str] = []

    class Spy(Watcher):
        def end(self) -> None:
            heard.append("end")

    chosen = settings(peak_rate=1e9, warmup=0.0, epochs=20)
    with pytest.raises(TrainingError):
        fit(fresh(chosen), halves(), None, chosen, CrossEntropy(), watcher=Spy())
    assert heard == ["end"]


def test_logits_are_those_of_evaluation_mode_whatever_the_batch() -> None:
    torch.manual_seed(0)
    module = create_model("resnet9").train()
    inputs = {"input": torch.randn(7, 3, 32, 32)}
    torch.testing.assert_close(
        predict_outputs(module, inputs, batch=3),
        predict_outputs(module, inputs, batch=7),
        rtol=1e-4,
        atol=1e-5,
    )
    assert not module.training


def test_patience_runs_out_after_epochs_that_were_no_better() -> None:
    # Random labels: what is learnt of them makes the validation loss rise.
    chosen = settings(epochs=40, patience=3, peak_rate=0.2, schedule="constant", warmup=0.0)
    pictures = torch.randn(40, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    noise = Examples({"input": pictures}, torch.arange(40) % 2)
    held_out = Examples({"input": pictures.flip(0)}, (torch.arange(40) + 1) % 2)
    state = fresh(chosen)
    fit(state, noise, held_out, chosen, CrossEntropy())
    assert state.epoch < 40
    assert state.epoch == state.best_epoch + 3


def test_rare_classes_weigh_more_in_a_balanced_loss() -> None:
    targets = torch.cat([torch.zeros(90), torch.ones(10)]).long()
    recipe = load_recipe("mnist-lenet5", overrides=("train.loss_balance=1.0",))
    objective = Classify().objective(recipe, targets, 2)
    assert isinstance(objective, CrossEntropy)
    assert objective.weights is not None
    rare, common = objective.weights[1].item(), objective.weights[0].item()
    assert rare / common == pytest.approx(9)
    # The mean weight of an example stays 1, so that the learning rate keeps its meaning.
    assert (90 * common + 10 * rare) / 100 == pytest.approx(1)


def test_auxiliary_classifiers_add_to_the_loss_in_training_only() -> None:
    torch.manual_seed(0)
    module = create_model("googlenet", classes=3, auxiliaries=True)
    batch = Examples({"input": torch.randn(2, 3, 224, 224)}, torch.tensor([0, 1]))
    module.train()
    with_all = CrossEntropy().step(module, batch, settings()).loss.item()
    module.eval()
    alone = CrossEntropy().step(module, batch, settings()).loss.item()
    assert with_all > 1.3 * alone


def test_a_hundred_pictures_are_learnt_by_heart() -> None:
    """Noise with labels drawn at random: nothing to understand, so all of it is fitting."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(100, 1, 28, 28, generator=generator)
    data = Examples({"input": pictures}, torch.randint(0, 10, (100,), generator=generator))
    chosen = settings(epochs=25, batch=20, optimizer="adamw", peak_rate=3e-3)
    torch.manual_seed(0)
    state = FitState.fresh(create_model("lenet5"), chosen)
    fit(state, data, data, chosen, CrossEntropy())
    assert state.history[-1].validation_accuracy == 1.0
    assert state.history[0].train_accuracy is not None
    assert state.history[0].train_accuracy < 0.4


def test_a_clipped_gradient_takes_a_step_of_at_most_its_norm() -> None:
    def moved(clip_norm: float) -> float:
        chosen = settings(
            epochs=1, batch=40, peak_rate=1.0, schedule="constant", warmup=0.0, momentum=0.0,
            clip_norm=clip_norm,
        )  # fmt: skip
        state = fresh(chosen)
        before = nn.utils.parameters_to_vector(state.module.parameters()).detach().clone()
        fit(state, halves(), None, chosen, CrossEntropy())
        after = nn.utils.parameters_to_vector(state.module.parameters()).detach()
        return (after - before).norm().item()

    assert moved(0.0) > 0.05
    assert moved(0.01) == pytest.approx(0.01, rel=1e-3)
