"""The fit loop.

Everything random in an epoch (order, augmentation, dropout) follows from the seed and the number
of the epoch, so an epoch repeated after a kill is the same epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from edgecnn.errors import DivergenceError, TrainingError
from edgecnn.metadata import Intervention
from edgecnn.training.average import WeightAverage
from edgecnn.training.controls import Controls, KnobName, Knobs, knob_ranges
from edgecnn.training.examples import Examples, TrainingExamples
from edgecnn.training.objective import Objective, Scores
from edgecnn.training.schedule import (
    learning_rate,
    make_optimizer,
    set_momentum,
    set_rate,
    set_weight_decay,
)
from edgecnn.training.settings import TrainSettings, Transfer
from edgecnn.training.stages import StagePlan
from edgecnn.training.watcher import Watcher

__all__ = ["EpochResult", "FitState", "Watcher", "fit", "predict_outputs"]

#: Apart from each other for every epoch of every seed that people use.
_SEED_STRIDE = 1_000_003
#: How often watchers are told that a training is still paused.
_PAUSE_S = 0.25
#: What can change between two steps, and what only between two epochs.
_STEP_KNOBS: tuple[KnobName, ...] = ("rate_factor", "momentum", "weight_decay")
_EPOCH_KNOBS: tuple[KnobName, ...] = ("batch",)


@dataclass(frozen=True)
class EpochResult:
    """What one epoch gave; a row of ``metrics.csv``.

    Training loss and accuracy are means over the epoch's batches as they were drawn. Validation
    values are those of the averaged weights, None without a validation set; so is what a task does
    not measure.
    """

    epoch: int
    rate: float
    train_loss: float
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    validation_macro_f1: float | None
    seconds: float
    validation_map: float | None = None


@dataclass
class FitState:
    """All that a training needs to go on."""

    module: nn.Module
    average: WeightAverage
    optimizer: torch.optim.Optimizer
    knobs: Knobs
    history: list[EpochResult] = field(default_factory=list)
    best: dict[str, torch.Tensor] | None = None
    stages: StagePlan | None = None
    interventions: list[Intervention] = field(default_factory=list)

    @classmethod
    def fresh(
        cls, module: nn.Module, settings: TrainSettings, transfer: Transfer | None = None
    ) -> FitState:
        """Start from a module's present weights; ``transfer`` tells which of them learn."""
        if settings.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = WeightAverage(module, settings.ema_decay)
        stages = StagePlan(module, transfer) if transfer is not None else None
        optimizer = make_optimizer(module, settings, stages)
        return cls(module, average, optimizer, Knobs.of(settings), stages=stages)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """Epoch of the lowest validation loss, counted from 1; 0 when there is none."""
        scored = [r for r in self.history if r.validation_loss is not None]
        return min(scored, key=lambda r: r.validation_loss or 0.0).epoch if scored else 0

    def out_of_patience(self, patience: int) -> bool:
        """Tell whether the last ``patience`` epochs were all worse than one before; 0 waits on."""
        return bool(patience) and self.best_epoch > 0 and self.epoch - self.best_epoch >= patience

    def is_done(self, settings: TrainSettings) -> bool:
        """Tell whether no more epochs come."""
        return self.epoch >= settings.epochs or self.out_of_patience(settings.patience)

    def restore_knobs(self, interventions: Sequence[Intervention]) -> None:
        """Take up what was changed by hand before the training was interrupted."""
        self.interventions[:] = interventions
        self.knobs = self.knobs.after(interventions)
        set_momentum(self.optimizer, self.knobs.momentum)
        set_weight_decay(self.optimizer, self.knobs.weight_decay)

    def turn_knobs(
        self, wanted: Knobs, names: Sequence[KnobName], *, epoch: int, step: int
    ) -> None:
        """Put wanted values in force from a step on, and take note of each that is new."""
        for name in names:
            before, after = getattr(self.knobs, name), getattr(wanted, name)
            if before == after:
                continue
            change = Intervention(epoch=epoch, step=step, setting=name, before=before, after=after)
            self.interventions.append(change)
            self.knobs = self.knobs.after([change])
            if name == "momentum":
                set_momentum(self.optimizer, after)
            elif name == "weight_decay":
                set_weight_decay(self.optimizer, after)


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
