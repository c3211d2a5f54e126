"""Learning rates and optimizers."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgecnn.training.settings import TrainSettings
from edgecnn.training.stages import StagePlan

__all__ = ["learning_rate", "make_optimizer", "set_momentum", "set_rate", "set_weight_decay"]

#: The one cycle starts at this share of the peak.
_START = 0.1


def learning_rate(progress: float, settings: TrainSettings) -> float:
    """Return the rate at a point of a training.

    It rises linearly for ``warmup`` of all steps, then follows ``schedule``: ``one-cycle`` and
    ``cosine`` fall to zero along a cosine (one-cycle starts from a tenth of the peak, cosine from
    zero), ``step`` is multiplied by ``step_factor`` at each of ``step_at``, ``constant`` stays.

    Parameters
    ----------
    progress : float
        Share of all steps done, 0..1.
    settings : TrainSettings

    Examples
    --------
    >>> settings = TrainSettings(epochs=1, batch=1, peak_rate=1.0, warmup=0.5)
    >>> [round(learning_rate(p, settings), 3) for p in (0, 0.5, 0.75, 1)]
    [0.1, 1.0, 0.5, 0.0]
    """
    peak, warmup = settings.peak_rate, settings.warmup
    if progress < warmup:
        start = _START if settings.schedule == "one-cycle" else 0.0
        return peak * (start + (1 - start) * progress / warmup)
    if settings.schedule == "constant":
        return peak
    if settings.schedule == "step":
        passed = sum(progress >= at for at in settings.step_at)
        return float(peak * settings.step_factor**passed)
    fall = (progress - warmup) / (1 - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, fall)))


def make_optimizer(
    module: nn.Module, settings: TrainSettings, stages: StagePlan | None = None
) -> torch.optim.Optimizer:
    """Build the optimizer; weight decay acts on weights, not on biases and normalisation.

    Parameters
    ----------
    stages : StagePlan, optional
        Gives each stage a learning rate of its own.
    """
    grouped: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            factor = stages.factor(name) if stages is not None else 1.0
            grouped.setdefault((factor, parameter.ndim > 1), []).append(parameter)
    groups = [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay if decays else 0.0,
            "decays": decays,
            "factor": factor,
        }
        for (factor, decays), parameters in sorted(grouped.items(), key=lambda item: item[0][::-1])
    ]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.peak_rate, betas=(settings.momentum, 0.999))
    nesterov = settings.momentum > 0
    return torch.optim.SGD(
        groups, lr=settings.peak_rate, momentum=settings.momentum, nesterov=nesterov
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all groups, each times its own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def set_momentum(optimizer: torch.optim.Optimizer, momentum: float) -> None:
    """Set the momentum of SGD, the β₁ of AdamW."""
    for group in optimizer.param_groups:
        if "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
            continue
        group["momentum"] = momentum
        group["nesterov"] = momentum > 0
        if momentum == 0:
            # What was gathered so far would come back, out of date, when it is turned up again.
            for parameter in group["params"]:
                optimizer.state[parameter].pop("momentum_buffer", None)


def set_weight_decay(optimizer: torch.optim.Optimizer, weight_decay: float) -> None:
    """Set the weight decay of the weights; biases and normalisation have none."""
    for group in optimizer.param_groups:
        group["weight_decay"] = weight_decay if group["decays"] else 0.0
