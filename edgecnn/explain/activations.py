"""What every layer gives for one input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgecnn.export.layers import Network
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["Activation", "activations"]

_RECURRENT = ("LSTM", "GRU", "RNN")


@dataclass(frozen=True, eq=False)
class Activation:
    """One layer's output for one input.

    Attributes
    ----------
    number : int
        Counts the layers from 1.
    title : str
        ``"conv 5×5 + ReLU"``.
    values : ndarray of float32
        Maps ``(channels, H, W)`` of a picture, ``(channels, T)`` of a signal, or ``(units,)``.
    """

    number: int
    title: str
    values: NDArray[np.float32]

    @property
    def shape(self) -> str:
        """The shape in words."""
        sizes = "×".join(map(str, self.values.shape[1:]))
        count = self.values.shape[0]
        return f"{count} maps of {sizes}" if sizes else f"{count} units"

    @property
    def is_signed(self) -> bool:
        """Whether values lie on both sides of zero: no ReLU came last."""
        return bool(self.values.min() < 0)

    @property
    def extent(self) -> float:
        """The size of value that the colour scale ends at: one of 200 may lie beyond it."""
        # A single outlier would make all else look alike.
        size = float(np.percentile(np.abs(self.values), 99.5))
        return size or float(np.abs(self.values).max()) or 1.0


def activations(network: Network, inputs: Tensors) -> list[Activation]:
    """Run one input through a network and keep what each layer gives.

    Parameters
    ----------
    network : Network
    inputs : mapping of str to ndarray
        Preprocessed, a batch of one.

    Returns
    -------
    list of Activation
        Layers whose output is no map and no row of numbers are left out.

    Raises
    ------
    ModelError
        ONNX Runtime refuses the graph or the input.
    """
    layers = network.layers
    values = network.run([layer.tensor for layer in layers], inputs)
    found: list[Activation] = []
    steps = 0
    for layer in layers:
        batch = values[layer.tensor]
        if layer.title.startswith(_RECURRENT) and batch.ndim == 4 and batch.shape[2] == 1:
            # Steps, directions, batch, units: one row a unit, time to the right.
            steps = batch.shape[0]
            batch = batch.transpose(2, 1, 3, 0).reshape(1, -1, steps)
        elif steps > 1 and batch.ndim == 2 and batch.shape[0] == steps:
            # What follows it takes the steps as if they were a batch.
            batch = batch.T[None]
        if batch.ndim not in (2, 3, 4) or batch.shape[0] != 1 or batch.size == 0:
            continue
        one = batch[0]
        if one.ndim > 1 and max(one.shape[1:]) == 1:
            one = one.reshape(-1)
        elif one.ndim == 3 and 1 in one.shape[1:]:
            # Words below each other, as wide as one: a signal in all but its axes.
            one = one.reshape(len(one), -1)
        found.append(Activation(len(found) + 1, layer.title, one.astype(np.float32)))
    return found
