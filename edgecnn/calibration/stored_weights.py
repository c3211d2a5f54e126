"""Weights as they lie in a file, and the nodes that bring them back as it is loaded.

What depends on no input a runtime works out once, as it opens the file: in memory, and while it
runs, these weights are FP32. The operators are ONNX's own, in every opset from 11 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.block_rounding import ZERO_POINT, round_to_blocks

__all__ = ["SHARED", "Stored", "blocks_pay", "store_blocks", "store_bytes"]

_SHIFT, _ZERO = "four_bits_shift", "four_bits_zero"

#: What all weights of 4 bits are brought back with.
SHARED = (
    numpy_helper.from_array(np.array(4, np.uint8), _SHIFT),
    numpy_helper.from_array(np.array(ZERO_POINT, np.float32), _ZERO),
)


@dataclass(frozen=True)
class Stored:
    """A weight's constants, and the nodes that make it of them under its own name."""

    constants: tuple[onnx.TensorProto, ...]
    nodes: tuple[onnx.NodeProto, ...]


def store_bytes(weights: onnx.TensorProto, axis: int) -> Stored:
    """Store a weight in 8 bits: symmetric, a scale for each channel along an axis."""
    name = weights.name
    values, scale = _to_bytes(numpy_helper.to_array(weights), axis)
    return Stored(
        (
            numpy_helper.from_array(values, f"{name}_bytes"),
            numpy_helper.from_array(scale, f"{name}_scale"),
        ),
        (
            helper.make_node(
                "Cast", [f"{name}_bytes"], [f"{name}_whole"], f"{name}_Cast", to=TensorProto.FLOAT
            ),
            helper.make_node("Mul", [f"{name}_whole", f"{name}_scale"], [name], f"{name}_Mul"),
        ),
    )


def store_blocks(weights: onnx.TensorProto, rows: int, block: int) -> Stored:
    """Store a weight in 4 bits, with a scale for each block of a row.

    Parameters
    ----------
    rows : int
        How many there are, as the weight lies in memory.
    block : int
        Weights that share a scale.
    """
    name, dims = weights.name, list(weights.dims)
    values = numpy_helper.to_array(weights).reshape(rows, -1)
    rounded = round_to_blocks(values, block)
    constants = [
        numpy_helper.from_array(rounded.halves, f"{name}_codes"),
        numpy_helper.from_array(rounded.scale[..., None], f"{name}_scale"),
        numpy_helper.from_array(np.array(dims, np.int64), f"{name}_shape"),
    ]
    nodes: list[onnx.NodeProto] = []

    def then(operator: str, inputs: list[str], gives: str, **attributes: Any) -> str:
        out = f"{name}_{gives}" if gives else name
        nodes.append(helper.make_node(operator, inputs, [out], f"{out}_{operator}", **attributes))
        return out

    codes = f"{name}_codes"
    high = then("BitShift", [codes, _SHIFT], "high", direction="RIGHT")
    moved = then("BitShift", [codes, _SHIFT], "moved", direction="LEFT")
    low = then("BitShift", [moved, _SHIFT], "low", direction="RIGHT")
    both = then("Concat", [low, high], "steps", axis=2)
    whole = then("Cast", [both], "whole", to=TensorProto.FLOAT)
    signed = then("Sub", [whole, _ZERO], "signed")
    scaled = then("Mul", [signed, f"{name}_scale"], "scaled")
    filled = rounded.codes.shape[1] * block
    if filled != values.shape[1]:
        for what, numbers in (
            ("rows", [rows, filled]),
            ("start", [0]),
            ("stop", [values.shape[1]]),
            ("axis", [1]),
        ):
            constants.append(numpy_helper.from_array(np.array(numbers, np.int64), f"{name}_{what}"))
        scaled = then("Reshape", [scaled, f"{name}_rows"], "filled")
        scaled = then("Slice", [scaled, f"{name}_start", f"{name}_stop", f"{name}_axis"], "cut")
    then("Reshape", [scaled, f"{name}_shape"], "")
    return Stored(tuple(constants), tuple(nodes))


def blocks_pay(columns: int, block: int) -> bool:
    """Tell whether a row takes less room in 4 bits, its blocks filled up, than in 8."""
    return -(-columns // block) * (block // 2 + 4) < columns


def _to_bytes(
    weights: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round to -127 .. 127 steps of a scale for each channel (recurrent weights: and direction)."""
    kept = (0, axis) if weights.ndim == 3 and axis == 1 else (axis,)
    others = tuple(i for i in range(weights.ndim) if i not in kept)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.clip(np.rint(weights / scale), -127, 127).astype(np.int8), scale
