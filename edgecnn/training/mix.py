"""Two pictures of a batch mixed into one, and their labels with them."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from edgecnn.training.examples import Examples

__all__ = ["mix_examples"]


def mix_examples(
    examples: Examples,
    classes: int,
    generator: torch.Generator,
    *,
    mixup: float = 0.0,
    cutmix: float = 0.0,
) -> Examples:
    """Mix every picture of a batch with another one of it.

    Parameters
    ----------
    examples : Examples
        One input of shape ``(N, C, H, W)``, targets of shape ``(N,)``.
    classes : int
    mixup, cutmix : float
        Parameters of the Beta distribution of the share that the first picture keeps; 0 is off.
        With both on, one of them is drawn for the batch.

    Returns
    -------
    mixed : Examples
        Targets are the shares of all classes, shape ``(N, classes)``; each row sums to 1.

    Notes
    -----
    Zhang et al. 2018 (arXiv:1710.09412), Yun et al. 2019 (arXiv:1905.04899).
    """
    ((name, pictures),) = examples.inputs.items()
    partner = torch.randperm(len(pictures), generator=generator)
    blend = mixup > 0 and (cutmix == 0 or bool(torch.rand(1, generator=generator) < 0.5))
    share = _beta(mixup if blend else cutmix, generator)
    if blend:
        mixed = torch.lerp(pictures[partner], pictures, share)
    else:
        mixed, share = _pasted(pictures, pictures[partner], share, generator)
    whole = functional.one_hot(examples.targets, classes).to(pictures.dtype)
    return Examples({name: mixed}, torch.lerp(whole[partner], whole, share))


def _beta(parameter: float, generator: torch.Generator) -> float:
    """Draw from the symmetric Beta distribution, by way of two gamma variates."""
    shape = torch.full((2,), parameter, dtype=torch.float64)
    first, second = torch._standard_gamma(shape, generator=generator).tolist()
    # Small parameters can underflow both: then one picture is kept whole.
    return first / (first + second) if first + second > 0 else 1.0


def _pasted(
    pictures: torch.Tensor, others: torch.Tensor, share: float, generator: torch.Generator
) -> tuple[torch.Tensor, float]:
    """Put a rectangle of the others into the pictures; return the share that is left of these."""
    height, width = pictures.shape[2:]
    side = math.sqrt(1 - share)
    row, column = torch.rand(2, generator=generator).tolist()
    top, bottom = _span(row * height, side * height, height)
    left, right = _span(column * width, side * width, width)
    mixed = pictures.clone()
    mixed[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)


def _span(centre: float, length: float, limit: int) -> tuple[int, int]:
    """Return first and end of a stretch around a centre, cut to 0..limit."""
    return max(0, round(centre - length / 2)), min(limit, round(centre + length / 2))
