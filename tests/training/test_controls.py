"""What a person changes while a training runs acts, and is written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
import torch

from edgecnn.errors import UsageError
from edgecnn.metadata import Intervention
from edgecnn.models import create_model
from edgecnn.training.controls import Controls, Knobs, knob_ranges
from edgecnn.training.examples import Examples
from edgecnn.training.fit_state import FitState
from edgecnn.training.loop import fit
from edgecnn.training.settings import TrainSettings
from edgecnn.training.tasks.classify import CrossEntropy
from edgecnn.training.watcher import Watcher


def settings(**changes: object) -> TrainSettings:
    values: dict[str, object] = {"epochs": 3, "batch": 8, "peak_rate": 0.05, "schedule": "constant"}
    return TrainSettings(**{**values, "warmup": 0.0, **changes})  # type: ignore[arg-type]


def begun(chosen: TrainSettings, examples: int = 100) -> Controls:
    controls = Controls()
    controls.begin(Knobs.of(chosen), knob_ranges(chosen, examples))
    return controls


def noise(count: int = 40) -> Examples:
    generator = torch.Generator().manual_seed(0)
    return Examples(
        {"input": torch.randn(count, 1, 28, 28, generator=generator)}, torch.arange(count) % 2
    )


class At(Watcher):
    """Does something after a step, and keeps what the optimizer worked with."""

    def __init__(self, **actions: Callable[[], None]) -> None:
        self.actions = actions
        self.state: FitState | None = None
        self.seen: list[tuple[int, int, float, float]] = []
        self.steps: list[int] = []

    def begin(self, epoch: int, steps: int) -> None:
        self.steps.append(steps)

    def step(self, epoch: int, step: int, loss: float) -> None:
        assert self.state is not None
        group = self.state.optimizer.param_groups[0]
        self.seen.append((epoch, step, group["lr"], group["momentum"]))
        if action := self.actions.get(f"after_{epoch}_{step}"):
            action()


def train(chosen: TrainSettings, controls: Controls, watcher: At) -> FitState:
    torch.manual_seed(0)
    state = FitState.fresh(create_model("lenet5", classes=2), chosen)
    watcher.state = state
    fit(state, noise(), None, chosen, CrossEntropy(), watcher=watcher, controls=controls)
    return state


def test_what_is_changed_acts_from_the_next_step_on_and_is_written_down() -> None:
    controls = Controls()

    def change() -> None:
        controls.change("rate_factor", 0.5)
        controls.change("momentum", 0)

    watcher = At(after_1_3=change)
    state = train(settings(), controls, watcher)
    rates = {(epoch, step): (rate, momentum) for epoch, step, rate, momentum in watcher.seen}
    assert rates[1, 3] == (0.05, 0.9)
    assert rates[1, 4] == (0.025, 0.0)
    assert rates[3, 5] == (0.025, 0.0)
    assert state.interventions == [
        Intervention(epoch=1, step=4, setting="rate_factor", before=1.0, after=0.5),
        Intervention(epoch=1, step=4, setting="momentum", before=0.9, after=0.0),
    ]


def test_weight_decay_acts_on_weights_alone() -> None:
    controls = Controls()
    state = train(settings(), controls, At(after_1_1=lambda: controls.change("weight_decay", 0.01)))
    for group in state.optimizer.param_groups:
        decays = group["params"][0].ndim > 1
        assert group["weight_decay"] == (0.01 if decays else 0.0)


def test_adamw_has_its_first_beta_for_momentum() -> None:
    controls = begun(settings())
    state = FitState.fresh(create_model("lenet5", classes=2), settings(optimizer="adamw"))
    controls.change("momentum", 0.5)
    state.turn_knobs(controls.wanted, ("momentum",), epoch=1, step=1)
    assert {group["betas"] for group in state.optimizer.param_groups} == {(0.5, 0.999)}


def test_a_batch_acts_from_the_next_epoch_on() -> None:
    controls = Controls()
    watcher = At(after_1_2=lambda: controls.change("batch", 16))
    state = train(settings(), controls, watcher)
    assert watcher.steps == [5, 2, 2]
    assert [epoch for epoch, *_ in watcher.seen] == [1] * 5 + [2] * 2 + [3] * 2
    assert state.interventions == [
        Intervention(epoch=2, step=1, setting="batch", before=8, after=16)
    ]


def test_a_wish_that_is_taken_back_in_time_is_none() -> None:
    controls = Controls()

    def there_and_back() -> None:
        controls.change("batch", 16)
        controls.change("batch", 8)

    state = train(settings(), controls, At(after_1_2=there_and_back))
    assert state.interventions == []


def test_untouched_controls_change_no_number() -> None:
    def weights(controls: Controls | None) -> list[torch.Tensor]:
        torch.manual_seed(0)
        chosen = settings(weight_decay=1e-3)
        state = FitState.fresh(create_model("lenet5", classes=2), chosen)
        fit(state, noise(), None, chosen, CrossEntropy(), controls=controls)
        return list(state.module.state_dict().values())

    for with_them, without in zip(weights(Controls()), weights(None), strict=True):
        assert torch.equal(with_them, without)


def test_a_pause_halts_between_steps_and_is_no_time_of_the_epoch() -> None:
    controls = Controls()
    halted = threading.Event()

    class Told(At):
        def paused(self) -> None:
            halted.set()

    watcher = Told(after_1_2=controls.pause)
    done: list[FitState] = []
    thread = threading.Thread(target=lambda: done.append(train(settings(), controls, watcher)))
    started = time.perf_counter()
    thread.start()
    assert halted.wait(60)
    seen = len(watcher.seen)
    time.sleep(1.5)
    assert len(watcher.seen) == seen == 2
    controls.resume()
    thread.join(240)
    assert len(watcher.seen) == 15
    assert done[0].interventions == []
    worked_s = sum(result.seconds for result in done[0].history)
    assert worked_s <= time.perf_counter() - started - 1.5


def test_a_pause_ends_with_the_training() -> None:
    controls = begun(settings())
    controls.pause()
    controls.end()
    assert controls.wait(0)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("momentum", 1.5, "momentum can be 0 to 0.99, not 1.5"),
        ("momentum", float("nan"), "momentum can be"),
        ("momentum", "0.5", "momentum takes a number"),
        ("momentum", True, "momentum takes a number"),
        ("momentum", None, "momentum takes a number"),
        ("batch", 8.5, "batch takes a whole number"),
        ("batch", 1, "batch can be 2 to 64"),
        ("batch", 101, "batch can be 2 to 64"),
        ("rate_factor", 0, "rate_factor can be 0.01 to 10"),
        ("weight_decay", -1e-9, "weight_decay can be 0 to 0.1"),
        ("weight_decay", float("inf"), "weight_decay can be"),
        ("seed", 3, "nothing named 'seed' can be changed"),
        ("__class__", 3, "nothing named"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: object, message: str) -> None:
    controls = begun(settings())
    with pytest.raises(UsageError, match=message):
        controls.change(name, value)
    assert controls.wanted == Knobs.of(settings())


def test_the_recipes_own_values_are_always_within() -> None:
    odd = settings(momentum=0.995, weight_decay=0.5, batch=1)
    ranges = knob_ranges(odd, 100)
    assert ranges["momentum"].most == 0.995
    assert ranges["weight_decay"].most == 0.5
    assert ranges["batch"].least == 1
    assert knob_ranges(settings(batch=200), 100)["batch"].most == 200


def test_nothing_changes_before_and_after_a_training() -> None:
    controls = Controls()
    for _ in range(2):
        with pytest.raises(UsageError, match="no training is under way"):
            controls.change("momentum", 0.5)
        with pytest.raises(UsageError, match="no training is under way"):
            controls.pause()
        controls.begin(Knobs.of(settings()), knob_ranges(settings(), 100))
        controls.end()


def test_knobs_after_interventions() -> None:
    changes = [
        Intervention(epoch=1, step=2, setting="batch", before=8, after=16.0),
        Intervention(epoch=2, step=1, setting="momentum", before=0.9, after=0.5),
        Intervention(epoch=2, step=9, setting="momentum", before=0.5, after=0.6),
    ]
    after = Knobs.of(settings()).after(changes)
    assert (after.batch, after.momentum, after.rate_factor) == (16, 0.6, 1.0)
    assert isinstance(after.batch, int)
