from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.models import create_model
from edgecnn.training.schedule import learning_rate, make_optimizer, set_rate
from edgecnn.training.settings import TrainSettings


def settings(**changes: object) -> TrainSettings:
    values: dict[str, object] = {"epochs": 1, "batch": 1, "peak_rate": 1.0}
    return TrainSettings(**{**values, **changes})  # type: ignore[arg-type]


@given(
    progress=st.floats(0, 1),
    peak=st.floats(1e-5, 1),
    warmup=st.floats(0, 0.99),
    schedule=st.sampled_from(["one-cycle", "cosine", "step", "constant"]),
)
def test_the_rate_stays_between_zero_and_its_peak(
    progress: float, peak: float, warmup: float, schedule: str
) -> None:
    chosen = settings(peak_rate=peak, warmup=warmup, schedule=schedule)
    assert 0 <= learning_rate(progress, chosen) <= peak * (1 + 1e-9)


def test_one_cycle_rises_then_falls() -> None:
    rates = [learning_rate(step / 100, settings(warmup=0.3)) for step in range(101)]
    assert rates.index(max(rates)) == 30
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)


def test_steps_fall_where_they_are_asked_to() -> None:
    chosen = settings(warmup=0.0, schedule="step", step_at=(0.5, 0.75), step_factor=0.1)
    rates = [learning_rate(p, chosen) for p in (0, 0.49, 0.5, 0.74, 0.75, 1)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_starts_from_zero_and_ends_there() -> None:
    chosen = settings(warmup=0.1, schedule="cosine")
    assert [learning_rate(p, chosen) for p in (0, 0.1, 1)] == pytest.approx([0, 1, 0])


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_biases_and_normalisation_do_not_decay(name: str) -> None:
    settings = TrainSettings(
        epochs=1, batch=1, peak_rate=0.1, optimizer=name, weight_decay=0.5, momentum=0.0
    )
    module = create_model("resnet9")
    optimizer = make_optimizer(module, settings)
    before = {key: value.clone() for key, value in module.named_parameters()}
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    set_rate(optimizer, 0.2)
    optimizer.step()
    for key, value in module.named_parameters():
        factor = 0.9 if value.ndim > 1 else 1.0
        torch.testing.assert_close(value, before[key] * factor)
