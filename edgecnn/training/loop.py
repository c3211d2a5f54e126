"""The fit loop.

Everything random in an epoch (order, augmentation, dropout) follows from the seed and the number
of the epoch, so an epoch repeated after a kill is the same epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from edgecnn.errors import TrainingError
from edgecnn.training.average import WeightAverage
from edgecnn.training.examples import Examples, TrainingExamples
from edgecnn.training.objective import Objective, Scores
from edgecnn.training.recipe import TrainSettings, Transfer
from edgecnn.training.schedule import learning_rate, make_optimizer, set_rate
from edgecnn.training.stages import StagePlan

__all__ = ["EpochResult", "FitState", "Watcher", "fit", "predict_outputs"]

#: Apart from each other for every epoch of every seed that people use.
_SEED_STRIDE = 1_000_003


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
    history: list[EpochResult] = field(default_factory=list)
    best: dict[str, torch.Tensor] | None = None
    stages: StagePlan | None = None

    @classmethod
    def fresh(
        cls, module: nn.Module, settings: TrainSettings, transfer: Transfer | None = None
    ) -> FitState:
        """Start from a module's present weights; ``transfer`` tells which of them learn."""
        if settings.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = WeightAverage(module, settings.ema_decay)
        stages = StagePlan(module, transfer) if transfer is not None else None
        return cls(module, average, make_optimizer(module, settings, stages), stages=stages)

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


class Watcher:
    """Is told how the training goes. This one says nothing; see :mod:`~.progress`."""

    def start(self, first_epoch: int, epochs: int, steps: int) -> None:
        """Take note that epochs ``first_epoch..epochs`` of so many steps begin."""

    def step(self, epoch: int, step: int, loss: float) -> None:
        """Take note of a step; steps count from 1."""

    def epoch(self, state: FitState) -> None:
        """Take note of an epoch, the last in ``state.history``."""

    def end(self) -> None:
        """Take note that no more epochs come."""


def fit(
    state: FitState,
    train: TrainingExamples,
    validation: Examples | None,
    settings: TrainSettings,
    objective: Objective,
    *,
    watcher: Watcher | None = None,
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

    Raises
    ------
    TrainingError
        The loss is not finite, or there are no examples.
    """
    if len(train) == 0:
        raise TrainingError("there are no examples to train on")
    watcher = watcher or Watcher()
    steps = max(1, len(train) // settings.batch)
    watcher.start(state.epoch + 1, settings.epochs, steps)
    try:
        while state.epoch < settings.epochs and not state.out_of_patience(settings.patience):
            epoch = state.epoch + 1
            started = time.perf_counter()
            learnt = _learn(
                state, train, settings, objective, epoch=epoch, steps=steps, watcher=watcher
            )
            scores = None
            if validation is not None and len(validation):
                scores = objective.validate(state.average.module.eval(), validation)
            state.history.append(_result(epoch, learnt, scores, time.perf_counter() - started))
            if state.best_epoch == epoch:
                state.best = {k: v.clone() for k, v in state.average.module.state_dict().items()}
            watcher.epoch(state)
    finally:
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
    """The last rate of an epoch, and the means over its steps."""

    rate: float
    loss: float
    accuracy: float | None


def _learn(
    state: FitState,
    train: TrainingExamples,
    settings: TrainSettings,
    objective: Objective,
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
    rate, loss_sum, hits, answers = 0.0, 0.0, 0, 0
    for number in range(steps):
        progress = ((epoch - 1) * steps + number) / (settings.epochs * steps)
        rate = learning_rate(progress, settings)
        set_rate(state.optimizer, rate)
        batch = train.draw(
            order[number * settings.batch : (number + 1) * settings.batch], generator
        )
        step = objective.step(state.module, batch, settings)
        loss = step.loss.item()
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at epoch {epoch}, step {number + 1}",
                hint=f"lower the learning rate, for example "
                f"--set train.peak_rate={settings.peak_rate / 4:g}",
            )
        _descend(state, step.loss, settings)
        loss_sum += loss
        hits += step.hits
        answers += step.answers
        watcher.step(epoch, number + 1, loss)
    return _Learnt(rate, loss_sum / steps, hits / answers if answers else None)


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
