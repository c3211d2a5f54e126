"""The fit loop.

Everything random in an epoch (order, augmentation, dropout) follows from the seed and the number
of the epoch, so an epoch repeated after a kill is the same epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from edgecnn.errors import DivergenceError, TrainingError
from edgecnn.training.controls import Controls, KnobName, knob_ranges
from edgecnn.training.examples import Examples, TrainingExamples
from edgecnn.training.fit_state import EpochResult, FitState
from edgecnn.training.objective import Objective, Scores
from edgecnn.training.schedule import (
    learning_rate,
    set_rate,
)
from edgecnn.training.settings import TrainSettings
from edgecnn.training.watcher import Watcher

__all__ = ["fit", "predict_outputs"]

#: Apart from each other for every epoch of every seed that people use.
_SEED_STRIDE = 1_000_003
#: How often watchers are told that a training is still paused.
_PAUSE_S = 0.25
#: What can change between two steps, and what only between two epochs.
_STEP_KNOBS: tuple[KnobName, ...] = ("rate_factor", "momentum", "weight_decay")
_EPOCH_KNOBS: tuple[KnobName, ...] = ("batch",)


def fit(
    state: FitState,
    train: TrainingExamples,
    validation: Examples | None,
    settings: TrainSettings,
    objective: Objective,
    *,
    watcher: Watcher | None = None,
    controls: Controls | None = None,
) -> None:
    """Train until ``settings.epochs`` epochs are done, or ``settings.patience`` has run out.

    Parameters
    ----------
    state : FitState
        Fresh, or of a training that was interrupted between two epochs; changed in place.
    train : TrainingExamples
    validation : Examples
    settings : TrainSettings
    objective : Objective
    watcher : Watcher, optional
    controls : Controls, optional
        Through which a person pauses the training and changes settings between steps; the state
        keeps what was changed.

    Raises
    ------
    DivergenceError
        The loss is not finite.
    TrainingError
        There are no examples.
    """
    if len(train) == 0:
        raise TrainingError("there are no examples to train on")
    watcher = watcher or Watcher()
    controls = controls or Controls()
    controls.begin(state.knobs, knob_ranges(settings, len(train)))
    watcher.start(state.epoch + 1, settings.epochs, max(1, len(train) // state.knobs.batch))
    try:
        while not state.is_done(settings):
            epoch = state.epoch + 1
            started = time.perf_counter()
            state.turn_knobs(controls.wanted, _EPOCH_KNOBS, epoch=epoch, step=1)
            steps = max(1, len(train) // state.knobs.batch)
            watcher.begin(epoch, steps)
            learnt = _learn(
                state, train, settings, objective, controls, epoch=epoch, steps=steps,
                watcher=watcher,
            )  # fmt: skip
            scores = None
            if validation is not None and len(validation):
                scores = objective.validate(state.average.module.eval(), validation)
            seconds = round(time.perf_counter() - started - learnt.paused_s, 3)
            state.history.append(_result(epoch, learnt, scores, seconds))
            if state.best_epoch == epoch:
                state.best = {k: v.clone() for k, v in state.average.module.state_dict().items()}
            if not state.is_done(settings):
                # Before it is kept: after an interruption it shall be in force.
                state.turn_knobs(controls.wanted, _EPOCH_KNOBS, epoch=epoch + 1, step=1)
            watcher.epoch(state)
    finally:
        controls.end()
        watcher.end()


@torch.no_grad()
def predict_outputs(
    module: nn.Module, inputs: Mapping[str, torch.Tensor], *, batch: int = 512
) -> torch.Tensor:
    """Run a network in evaluation mode, in float32, as the device will.

    Returns
    -------
    tensor of float32, shape (N, ...)
        What ``forward`` returns; the first of several.
    """
    module.eval()
    count = len(next(iter(inputs.values())))
    parts = []
    for start in range(0, count, batch):
        answer = module(**{name: x[start : start + batch] for name, x in inputs.items()})
        parts.append((answer[0] if isinstance(answer, tuple) else answer).float())
    return torch.cat(parts)


@dataclass(frozen=True)
class _Learnt:
    """The last rate of an epoch, the means over its steps, and how long it was paused."""

    rate: float
    paused_s: float
    loss: float
    accuracy: float | None


def _learn(
    state: FitState,
    train: TrainingExamples,
    settings: TrainSettings,
    objective: Objective,
    controls: Controls,
    *,
    epoch: int,
    steps: int,
    watcher: Watcher,
) -> _Learnt:
    """Take an epoch's steps."""
    generator = torch.Generator().manual_seed(settings.seed * _SEED_STRIDE + epoch)
    torch.manual_seed(settings.seed * _SEED_STRIDE + epoch)
    order = train.order(settings.balance, generator)
    state.module.train()
    if state.stages is not None:
        state.stages.apply(epoch)
    rate, paused_s, loss_sum, hits, answers = 0.0, 0.0, 0.0, 0, 0
    size = state.knobs.batch
    for number in range(steps):
        if controls.paused:
            paused_s += _pause(controls, watcher)
        state.turn_knobs(controls.wanted, _STEP_KNOBS, epoch=epoch, step=number + 1)
        progress = ((epoch - 1) * steps + number) / (settings.epochs * steps)
        rate = learning_rate(progress, settings) * state.knobs.rate_factor
        set_rate(state.optimizer, rate)
        batch = train.draw(order[number * size : (number + 1) * size], generator)
        step = objective.step(state.module, batch, settings)
        loss = step.loss.item()
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the loss is {loss} at epoch {epoch}, step {number + 1}",
                hint=f"lower the learning rate, for example "
                f"--set train.peak_rate={settings.peak_rate / 4:g}",
            )
        _descend(state, step.loss, settings)
        loss_sum += loss
        hits += step.hits
        answers += step.answers
        watcher.answered(step.hits, step.answers)
        watcher.step(epoch, number + 1, loss)
    return _Learnt(rate, paused_s, loss_sum / steps, hits / answers if answers else None)


def _pause(controls: Controls, watcher: Watcher) -> float:
    """Wait until the training may go on; returns for how long, in seconds."""
    started = time.perf_counter()
    watcher.paused()
    while not controls.wait(_PAUSE_S):
        watcher.paused()
    return time.perf_counter() - started


def _descend(state: FitState, loss: torch.Tensor, settings: TrainSettings) -> None:
    """Take one optimizer step down a loss."""
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if settings.clip_norm:
        nn.utils.clip_grad_norm_(state.module.parameters(), settings.clip_norm)
    state.optimizer.step()
    state.average.update(state.module)


def _result(epoch: int, learnt: _Learnt, scores: Scores | None, seconds: float) -> EpochResult:
    return EpochResult(
        epoch=epoch,
        rate=learnt.rate,
        train_loss=learnt.loss,
        train_accuracy=learnt.accuracy,
        validation_loss=scores.loss if scores else None,
        validation_accuracy=scores.accuracy if scores else None,
        validation_macro_f1=scores.macro_f1 if scores else None,
        validation_map=scores.mean_average_precision if scores else None,
        seconds=seconds,
    )
