"""Random inputs that fit an ONNX Runtime session."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edgecnn.errors import ModelError
from edgecnn.runtime.machine import available_memory_bytes

__all__ = ["bench_inputs"]

_NUMPY_TYPE: dict[str, DTypeLike] = {
    "float": np.float32,
    "float16": np.float16,
    "double": np.float64,
    "uint8": np.uint8,
    "int8": np.int8,
    "int32": np.int32,
    "int64": np.int64,
    "bool": np.bool_,
}


def bench_inputs(
    session: Any,
    batch: int,
    shapes: dict[str, tuple[int, ...]],
    source: str,
) -> dict[str, NDArray[Any]]:
    """Make random inputs that fit a session: standard normal, integers 0.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    batch : int
    shapes : dict
        Shapes without the batch axis, from the contract, for axes that the graph leaves open.
    source : str
        Name of the file, for the error's text.

    Raises
    ------
    ModelError
        The graph's input has a fixed batch, an axis of no known length or no numbers, or the batch
        is larger than the free memory.
    """
    plans = [
        (item.name, _shape(item, batch, shapes.get(item.name, ()), source), _type(item, source))
        for item in session.get_inputs()
    ]
    size = sum(math.prod(shape) * kind.itemsize for _, shape, kind in plans)
    free = available_memory_bytes()
    if free is not None and size > free:
        raise ModelError(
            f"{source}: the inputs of a batch of {batch:.12g} take {size / 1e9:.3g} GB, and "
            f"{free / 1e9:.3g} GB of memory are free",
            hint="measure it with a smaller --batch",
        )
    random = np.random.default_rng(0)
    return {name: _values(random, shape, kind) for name, shape, kind in plans}


def _shape(item: Any, batch: int, known: tuple[int, ...], source: str) -> list[int]:
    axes = list(item.shape)
    if axes and isinstance(axes[0], int) and axes[0] != batch:
        raise ModelError(
            f"{source} is made for batches of {axes[0]}, not {batch}",
            hint=f"measure it with --batch {axes[0]}",
        )
    shape = [batch, *(known if len(known) == len(axes) - 1 else axes[1:])] if axes else []
    if not all(isinstance(length, int) for length in shape):
        raise ModelError(
            f"{source}: input {item.name} has axes of no known length: {axes}",
            hint="export it with fixed axes, or with a contract",
        )
    return shape


def _type(item: Any, source: str) -> np.dtype[Any]:
    kind = _NUMPY_TYPE.get(item.type.removeprefix("tensor(").removesuffix(")"))
    if kind is None:
        raise ModelError(f"{source}: input {item.name} is {item.type}, not numbers")
    return np.dtype(kind)


def _values(random: np.random.Generator, shape: list[int], kind: np.dtype[Any]) -> NDArray[Any]:
    if not np.issubdtype(kind, np.floating):
        return np.zeros(shape, kind)
    drawn = random.standard_normal(shape, np.float64 if kind == np.float64 else np.float32)
    return drawn.astype(kind, copy=False)
