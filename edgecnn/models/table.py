"""The table of a network's layers: shapes, parameters, arithmetic, memory.

Nothing is computed and no weight allocated: the network is built and run on PyTorch's ``meta``
device.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from edgecnn.errors import ShapeError, UsageError
from edgecnn.models.entry import Argument
from edgecnn.models.registry import architecture
from edgecnn.models.tracing import TracedLayer, trace_network

__all__ = ["NetworkTable", "describe_network"]

_LARGEST = 5


@dataclass(frozen=True)
class NetworkTable:
    """A network, layer by layer.

    Attributes
    ----------
    name : str
    arguments : dict
        All of the builder's, defaults included.
    inputs : dict of str to tuple of int
        Without the batch axis.
    output_shape : tuple of int
        Without the batch axis.
    parameters, multiply_adds : int
        Of all layers that run on a device; one multiplication with one addition counts once.
    training_only_parameters : int
        Of heads that are left out on a device.
    activation_bytes, peak_activation_bytes : int
        Of all layers' outputs in FP32, and of those that are held at one time.
    fp32_bytes, int8_bytes : int
        Of the weights in an exported file, normalisation folded into them.
    largest : list of str
        Names of the layers with the most parameters.
    layers : list of TracedLayer
    """

    name: str
    arguments: dict[str, object]
    inputs: dict[str, tuple[int, ...]]
    output_shape: tuple[int, ...]
    parameters: int
    training_only_parameters: int
    multiply_adds: int
    activation_bytes: int
    peak_activation_bytes: int
    fp32_bytes: int
    int8_bytes: int
    largest: list[str]
    layers: list[TracedLayer]


def describe_network(
    name: str,
    *,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    arguments: Mapping[str, Argument] | None = None,
) -> NetworkTable:
    """Describe a registered network, layer by layer.

    Parameters
    ----------
    name : str
        One of :func:`edgecnn.models.model_names`.
    shapes : mapping of str to tuple of int, optional
        Shapes of inputs without the batch axis, by name; the others keep their default. What the
        builder takes of them (``channels``, ``size``, ...) follows.
    arguments : mapping of str to value, optional
        The builder's arguments.

    Raises
    ------
    UsageError
        No such network, input or argument.
    ShapeError
        An input that is too small, or of another shape than a layer takes.

    Examples
    --------
    >>> table = describe_network("lenet5")
    >>> table.parameters, table.multiply_adds
    (61706, 416520)
    >>> [layer.output_shape for layer in table.layers][:2]
    [(6, 28, 28), (6, 14, 14)]
    """
    entry = architecture(name)
    shapes = shapes or {}
    for given in shapes:
        if given not in entry.inputs:
            raise UsageError(
                f"{name} has no input {given!r}", hint=f"it has: {', '.join(entry.inputs)}"
            )
    inputs = {**entry.inputs, **shapes}
    followed = entry.arguments_for(inputs) if shapes else {}
    chosen = {**followed, **(arguments or {})}
    entry.check_arguments(chosen)
    described = ", ".join(f"{key} {shape}" for key, shape in inputs.items())
    try:
        with torch.device("meta"):
            module = entry.build(**chosen)
            tensors = {
                key: torch.zeros(1, *shape, dtype=torch.int64 if key in entry.whole else None)
                for key, shape in inputs.items()
            }
        trace = trace_network(module, tensors)
    except ShapeError as error:
        message = f"{name} cannot read {described}: {error.message}"
        raise ShapeError(message, hint=error.hint) from None
    # What PyTorch raises for shapes that the arithmetic lets pass.
    except (RuntimeError, IndexError, TypeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ShapeError(f"{name} cannot read {described}: {reason}") from error
    layers = trace.layers
    parameters = sum(layer.parameters for layer in layers)
    return NetworkTable(
        name=name,
        arguments={**entry.arguments, **chosen},
        inputs=inputs,
        output_shape=trace.output_shape,
        parameters=parameters,
        training_only_parameters=sum(p.numel() for p in module.parameters()) - parameters,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        activation_bytes=sum(layer.activation_bytes for layer in layers),
        peak_activation_bytes=trace.peak_activation_bytes,
        fp32_bytes=sum(layer.fp32_bytes for layer in layers),
        int8_bytes=sum(layer.int8_bytes for layer in layers),
        largest=[
            layer.name
            for layer in heapq.nlargest(_LARGEST, layers, key=lambda layer: layer.parameters)
            if layer.parameters
        ],
        layers=layers,
    )
