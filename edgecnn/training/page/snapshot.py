"""A look into a network in training: predictions, activations, weights and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from edgecnn.training.page.examples import ShownExamples
from edgecnn.training.page.layers import SeenLayer, run_and_look
from edgecnn.training.page.sheets import colour_maps, weight_sheet

__all__ = ["take_snapshot"]

_MOST_LAYERS = 12
_MOST_CLASSES = 3


def take_snapshot(
    learning: nn.Module, shown: nn.Module, examples: ShownExamples, labels: tuple[str, ...]
) -> dict[str, Any]:
    """Look into a network, leaving it and the random numbers as they are.

    Parameters
    ----------
    learning : torch.nn.Module
        Whose gradients are drawn: those of the last step.
    shown : torch.nn.Module
        Whose answers, activations and weights are drawn; in evaluation mode. It is the average of
        ``learning``.
    examples : ShownExamples
    labels : tuple of str

    Returns
    -------
    dict
        Plain data: ``examples`` with their best classes, ``layers``, and ``note``.
    """
    with torch.random.fork_rng(devices=[]):
        logits, layers = run_and_look(shown, examples.inputs)
    scores = logits.softmax(dim=1)
    chosen = _chosen(layers)
    note = f"{len(chosen)} of {len(layers)} layers" if len(chosen) < len(layers) else ""
    weights = dict(shown.named_parameters())
    gradients = {name: each.grad for name, each in learning.named_parameters()}
    return {
        "examples": [
            _answer(row, target, labels)
            for row, target in zip(scores, examples.targets, strict=True)
        ],
        "layers": [_layer(each, weights, gradients) for each in chosen],
        "note": note,
    }


def _answer(scores: torch.Tensor, target: int, labels: tuple[str, ...]) -> dict[str, Any]:
    best = scores.topk(min(_MOST_CLASSES, len(labels)))
    # A training that diverges is still looked at.
    values = torch.nan_to_num(best.values).tolist()
    numbers = best.indices.tolist()
    top = [[labels[n], round(v, 4)] for n, v in zip(numbers, values, strict=True)]
    return {"top": top, "right": numbers[0] == target}


def _layer(
    layer: SeenLayer,
    weights: dict[str, nn.Parameter],
    gradients: dict[str, torch.Tensor | None],
) -> dict[str, Any]:
    maps = layer.maps
    shape = " × ".join(map(str, maps.shape))
    found: dict[str, Any] = {
        "name": layer.name,
        "kind": layer.kind,
        "shape": shape if len(maps.shape) > 1 else f"{shape} units",
        "maps": {
            "form": maps.form,
            "shown": maps.shown,
            "signed": maps.low < 0,
            "range": _range(maps.low, maps.high),
            "pictures": colour_maps(maps),
        },
    }
    if layer.weight in weights:
        weight, gradient = weights[layer.weight], gradients.get(layer.weight)
        found["weights"] = _tensor(weight)
        found["gradients"] = None if gradient is None else _tensor(gradient)
    return found


def _tensor(values: torch.Tensor) -> dict[str, Any]:
    form, shown, picture = weight_sheet(values)
    low, high = (float(each) for each in torch.aminmax(values.detach()))
    shape = " × ".join(map(str, values.shape))
    return {
        "form": form,
        "shown": shown,
        "shape": shape,
        # Kernels that look at colours are drawn in colour.
        "signed": not (values.ndim == 4 and values.shape[1] == 3 and form == "tiles"),
        "range": _range(low, high),
        "picture": picture,
    }


def _range(low: float, high: float) -> list[float | None]:
    return [float(f"{v:.3g}") if np.isfinite(v) else None for v in (low, high)]


def _chosen(layers: list[SeenLayer]) -> list[SeenLayer]:
    """Of many layers, leave out those that have no weights, then some evenly spread."""
    if len(layers) > _MOST_LAYERS:
        layers = [each for each in layers if each.weight] or layers
    if len(layers) <= _MOST_LAYERS:
        return layers
    return [layers[round(place)] for place in np.linspace(0, len(layers) - 1, _MOST_LAYERS)]
