"""The fit loop.

Everything random in an epoch (order, augmentation, dropout) follows from the seed and the number
of the epoch, so an epoch repeated after a kill is the same epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn import functional

from edgecnn.errors import TrainingError
from edgecnn.evaluation.metrics import confusion_matrix, macro_f1
from edgecnn.training.average import WeightAverage
from edgecnn.training.recipe import TrainSettings
from edgecnn.training.schedule import learning_rate, make_optimizer, set_rate

__all__ = ["EpochResult", "Examples", "FitState", "Watcher", "fit", "predict_logits"]

Augment = Callable[[Mapping[str, torch.Tensor], torch.Generator], dict[str, torch.Tensor]]

#: Apart from each other for every epoch of every seed that people use.
_SEED_STRIDE = 1_000_003


@dataclass(frozen=True)
class Examples:
    """Preprocessed examples.

    Attributes
    ----------
    inputs : mapping of str to tensor, first axis N
        By the names of the model's inputs.
    targets : tensor of int64, shape (N,)
    """

    inputs: Mapping[str, torch.Tensor]
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, index: torch.Tensor) -> Examples:
        """Return the examples of an index."""
        return Examples({k: v[index] for k, v in self.inputs.items()}, self.targets[index])


@dataclass(frozen=True)
class EpochResult:
    """What one epoch gave; a row of ``metrics.csv``.

    Training loss and accuracy are means over the epoch's augmented batches. Validation values are
    those of the averaged weights, None without a validation set.
    """

    epoch: int
    rate: float
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    validation_macro_f1: float | None
    seconds: float


@dataclass
class FitState:
    """All that a training needs to go on."""

    module: nn.Module
    average: WeightAverage
    optimizer: torch.optim.Optimizer
    history: list[EpochResult] = field(default_factory=list)
    best: dict[str, torch.Tensor] | None = None

    @classmethod
    def fresh(cls, module: nn.Module, settings: TrainSettings) -> FitState:
        """Start from a module's present weights."""
        if settings.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        average = WeightAverage(module, settings.ema_decay)
        return cls(module, average, make_optimizer(module, settings))

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """Epoch of the lowest validation loss, counted from 1; 0 when there is none."""
        scored = [r for r in self.history if r.validation_loss is not None]
        return min(scored, key=lambda r: r.validation_loss or 0.0).epoch if scored else 0


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
    train: Examples,
    validation: Examples | None,
    settings: TrainSettings,
    *,
    augment: Augment | None = None,
    watcher: Watcher | None = None,
) -> None:
    """Train until ``settings.epochs`` epochs are done.

    Parameters
    ----------
    state : FitState
        Fresh, or of a training that was interrupted between two epochs; changed in place.
    train, validation : Examples
    settings : TrainSettings
    augment : callable, optional
        Maps a batch's inputs and a generator to changed inputs.
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
        for epoch in range(state.epoch + 1, settings.epochs + 1):
            started = time.perf_counter()
            learnt = _learn(
                state, train, settings, epoch=epoch, steps=steps, augment=augment, watcher=watcher
            )
            loss, accuracy, f1 = _validate(state.average.module, validation)
            result = EpochResult(
                epoch=epoch,
                rate=learnt.rate,
                train_loss=learnt.loss,
                train_accuracy=learnt.accuracy,
                validation_loss=loss,
                validation_accuracy=accuracy,
                validation_macro_f1=f1,
                seconds=time.perf_counter() - started,
            )
            state.history.append(result)
            if state.best_epoch == epoch:
                state.best = {k: v.clone() for k, v in state.average.module.state_dict().items()}
            watcher.epoch(state)
    finally:
        watcher.end()


@torch.no_grad()
def predict_logits(
    module: nn.Module, inputs: Mapping[str, torch.Tensor], *, batch: int = 512
) -> torch.Tensor:
    """Run a network in evaluation mode, in float32, as the device will.

    Returns
    -------
    tensor of float32, shape (N, classes)
    """
    module.eval()
    count = len(next(iter(inputs.values())))
    parts = [
        module(**{name: x[start : start + batch] for name, x in inputs.items()}).float()
        for start in range(0, count, batch)
    ]
    return torch.cat(parts)


@dataclass(frozen=True)
class _Learnt:
    """The last rate of an epoch, and the means over its steps."""

    rate: float
    loss: float
    accuracy: float


def _learn(
    state: FitState,
    train: Examples,
    settings: TrainSettings,
    *,
    epoch: int,
    steps: int,
    augment: Augment | None,
    watcher: Watcher,
) -> _Learnt:
    """Take an epoch's steps."""
    generator = torch.Generator().manual_seed(settings.seed * _SEED_STRIDE + epoch)
    torch.manual_seed(settings.seed * _SEED_STRIDE + epoch)
    order = _draw_order(train.targets, settings.balance, generator)
    state.module.train()
    rate, loss_sum, hits, seen = 0.0, 0.0, 0, 0
    for step in range(steps):
        progress = ((epoch - 1) * steps + step) / (settings.epochs * steps)
        rate = learning_rate(progress, settings.peak_rate, settings.warmup)
        set_rate(state.optimizer, rate)
        examples = train.take(order[step * settings.batch : (step + 1) * settings.batch])
        inputs = augment(examples.inputs, generator) if augment else examples.inputs
        loss, logits = _step(state, inputs, examples.targets, settings)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at epoch {epoch}, step {step + 1}",
                hint=f"lower the learning rate, for example "
                f"--set train.peak_rate={settings.peak_rate / 4:g}",
            )
        loss_sum += loss
        hits += int((logits.argmax(1) == examples.targets).sum())
        seen += len(examples)
        watcher.step(epoch, step + 1, loss)
    return _Learnt(rate, loss_sum / steps, hits / seen)


def _step(
    state: FitState,
    inputs: Mapping[str, torch.Tensor],
    targets: torch.Tensor,
    settings: TrainSettings,
) -> tuple[float, torch.Tensor]:
    """Take one optimizer step; returns the loss and the logits before it."""
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
        logits = state.module(**inputs)
    logits = logits.float()
    loss = functional.cross_entropy(logits, targets, label_smoothing=settings.label_smoothing)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if settings.clip_norm:
        nn.utils.clip_grad_norm_(state.module.parameters(), settings.clip_norm)
    state.optimizer.step()
    state.average.update(state.module)
    return loss.item(), logits.detach()


def _draw_order(targets: torch.Tensor, balance: float, generator: torch.Generator) -> torch.Tensor:
    """Return the epoch's examples in their order; with replacement when classes are balanced."""
    if balance == 0:
        return torch.randperm(len(targets), generator=generator)
    sizes = torch.bincount(targets).clamp(min=1)
    weights = sizes.double().pow(-balance)[targets]
    return torch.multinomial(weights, len(targets), replacement=True, generator=generator)


def _validate(
    module: nn.Module, validation: Examples | None
) -> tuple[float | None, float | None, float | None]:
    """Return loss, accuracy and macro-F1 over the validation set."""
    if validation is None or len(validation) == 0:
        return None, None, None
    logits = predict_logits(module, validation.inputs)
    loss = functional.cross_entropy(logits, validation.targets).item()
    predicted = logits.argmax(1)
    accuracy = (predicted == validation.targets).float().mean().item()
    confusion = confusion_matrix(
        validation.targets.numpy(), predicted.numpy(), classes=logits.shape[1]
    )
    return loss, accuracy, macro_f1(confusion)
