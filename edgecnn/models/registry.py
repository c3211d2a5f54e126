"""Names of architectures to the functions that build them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from edgecnn.errors import UsageError
from edgecnn.models.beat_net import beat_net
from edgecnn.models.cifar_resnet import resnet9
from edgecnn.models.lenet5 import lenet5

__all__ = ["Architecture", "Argument", "architecture", "create_model", "model_names"]

#: What an argument of a builder may be; all of it can be written in a recipe.
Argument = bool | int | float | str | list[int]


@dataclass(frozen=True)
class Architecture:
    """A registered network.

    Attributes
    ----------
    name, summary : str
    build : callable
        Keyword arguments to module; each has a default.
    inputs : mapping of str to tuple of int
        Shape of each input of the default network, without the batch axis, by the name of the
        argument of ``forward``.
    """

    name: str
    summary: str
    build: Callable[..., torch.nn.Module]
    inputs: Mapping[str, tuple[int, ...]]

    @property
    def arguments(self) -> dict[str, object]:
        """The builder's arguments and their defaults."""
        return {
            name: parameter.default
            for name, parameter in inspect.signature(self.build).parameters.items()
        }

    def count_parameters(self, **arguments: Argument) -> int:
        """Count trainable parameters without allocating them."""
        with torch.device("meta"):
            return sum(p.numel() for p in self.build(**arguments).parameters())


_ARCHITECTURES = (
    Architecture(
        "lenet5",
        "LeNet-5 (LeCun et al. 1998) in its modern form, for 28×28 pictures",
        lenet5,
        {"input": (1, 28, 28)},
    ),
    Architecture(
        "resnet9",
        "nine-layer residual network for 32×32 pictures",
        resnet9,
        {"input": (3, 32, 32)},
    ),
    Architecture(
        "beat-net",
        "1-D CNN with RR ratios for single-lead heartbeats",
        beat_net,
        {"beat": (2, 288), "rr": (5,)},
    ),
)

_REGISTRY = {entry.name: entry for entry in _ARCHITECTURES}


def model_names() -> tuple[str, ...]:
    """Return the registered names."""
    return tuple(_REGISTRY)


def architecture(name: str) -> Architecture:
    """Return a registered network's entry.

    Raises
    ------
    UsageError
        No such name.
    """
    if name not in _REGISTRY:
        raise UsageError(f"no model named {name!r}", hint=f"there are: {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


def create_model(name: str, **arguments: Argument) -> torch.nn.Module:
    """Build a network with fresh weights.

    Parameters
    ----------
    name : str
        One of :func:`model_names`.
    **arguments
        The builder's own, for example ``classes=10``.

    Raises
    ------
    UsageError
        No such model, or an argument that it does not take.

    Examples
    --------
    >>> model = create_model("lenet5", classes=10)
    >>> sum(p.numel() for p in model.parameters())
    61706
    """
    entry = architecture(name)
    known = entry.arguments
    for given in arguments:
        if given not in known:
            raise UsageError(
                f"{name} takes no argument {given!r}", hint=f"it takes: {', '.join(known)}"
            )
    return entry.build(**arguments)
