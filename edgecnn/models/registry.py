"""Names of architectures to the functions that build them.

PyTorch is loaded when a network is built, not when the names are listed.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from edgecnn.errors import UsageError
from edgecnn.models.catalogue import ARCHITECTURES
from edgecnn.models.entry import Architecture, Argument

if TYPE_CHECKING:
    import torch

__all__ = ["Architecture", "Argument", "architecture", "create_model", "model_names"]

_REGISTRY = {entry.name: entry for entry in ARCHITECTURES}


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
        near = difflib.get_close_matches(name.lower(), _REGISTRY, n=3, cutoff=0.5)
        hint = f"the nearest are: {', '.join(near)}; " if near else ""
        raise UsageError(f"no model named {name!r}", hint=f"{hint}`edgecnn models` lists all")
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
        No such model, an argument that it does not take, or a value out of range.

    Examples
    --------
    >>> model = create_model("lenet5", classes=10)
    >>> sum(p.numel() for p in model.parameters())
    61706
    """
    entry = architecture(name)
    entry.check_arguments(arguments)
    return entry.build(**arguments)
