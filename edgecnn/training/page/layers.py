"""What each layer of a network gives for a few examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from edgecnn.models.layer_kinds import FUSED, SKIPPED, layer_kind
from edgecnn.training.page.sheets import Maps, keep_maps

__all__ = ["SeenLayer", "run_and_look"]


@dataclass
class SeenLayer:
    """A layer with what belongs to it: normalisation and activation behind a convolution.

    Attributes
    ----------
    name : str
        Path in the network.
    kind : str
        ``conv 5 + relu``.
    module : torch.nn.Module
    maps : Maps
        Of the last of what belongs together.
    weight : str
        Name of its largest parameter with two axes or more, in the network; empty if it has none.
    """

    name: str
    kind: str
    module: nn.Module
    maps: Maps
    weight: str = ""


@dataclass
class _Seen:
    layers: list[SeenLayer] = field(default_factory=list)
    weights: set[str] = field(default_factory=set)

    def take(self, name: str, module: nn.Module, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if not isinstance(first, torch.Tensor):
            return
        in_time = isinstance(module, nn.RNNBase | nn.Embedding)
        maps = keep_maps(first, time_first=in_time)
        if maps is None:
            return
        added = FUSED.get(type(module))
        if added and self.layers and self.layers[-1].maps.shape == maps.shape:
            last = self.layers[-1]
            last.maps = maps
            last.kind = f"{last.kind} + {added}"
            return
        weight = _weight_of(name, module)
        # A layer that runs twice has its weights but once.
        if weight in self.weights:
            weight = ""
        self.weights.add(weight)
        self.layers.append(SeenLayer(name, layer_kind(module), module, maps, weight))


@torch.no_grad()
def run_and_look(
    module: nn.Module, inputs: Mapping[str, torch.Tensor]
) -> tuple[torch.Tensor, list[SeenLayer]]:
    """Run a network in evaluation mode and look at its layers as they run.

    Returns
    -------
    output : tensor of float32
        What ``forward`` returns; the first of several.
    layers : list of SeenLayer
        In the order in which they ran.
    """
    seen = _Seen()

    def watch(name: str, each: nn.Module) -> Any:
        def after(_module: nn.Module, _inputs: Any, output: Any) -> None:
            seen.take(name, each, output)

        return each.register_forward_hook(after)

    leaves = [
        (name, each)
        for name, each in module.named_modules()
        if next(each.children(), None) is None and not isinstance(each, SKIPPED)
    ]
    handles = [watch(name, each) for name, each in leaves]
    try:
        output = module(**inputs)
    finally:
        for handle in handles:
            handle.remove()
    first: torch.Tensor = output[0] if isinstance(output, tuple) else output
    return first.float(), seen.layers


def _weight_of(name: str, module: nn.Module) -> str:
    own = [(key, p) for key, p in module.named_parameters(recurse=False) if p.ndim > 1]
    if not own:
        return ""
    key = max(own, key=lambda item: item[1].numel())[0]
    return f"{name}.{key}" if name else key
