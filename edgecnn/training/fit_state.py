"""How far a training is: what it needs to go on, and what each epoch gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from edgecnn.metadata import Intervention
from edgecnn.training.average import WeightAverage
from edgecnn.training.controls import KnobName, Knobs
from edgecnn.training.schedule import make_optimizer, set_momentum, set_weight_decay
from edgecnn.training.settings import TrainSettings, Transfer
from edgecnn.training.stages import StagePlan

__all__ = ["EpochResult", "FitState"]


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
