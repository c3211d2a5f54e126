"""Where a frame of any size comes to lie in a network's input, computed inside the graph.

The same steps as :func:`edgecnn.preprocessing.fit.fit_of`, operation by operation in float64, so
that they give the same whole pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from edgecnn.export.nodes import Nodes
from edgecnn.metadata import ImageInput

__all__ = ["Axis", "fit_axes"]


@dataclass(frozen=True)
class Axis:
    """Names of int64 tensors of shape (1,) that tell, for rows or columns, what goes where.

    Attributes
    ----------
    start, length : str
        In the frame: the part that is resized.
    offset, size : str
        In the network's input: where it comes to lie.
    """

    start: str
    length: str
    offset: str
    size: str


def fit_axes(nodes: Nodes, shape: str, spec: ImageInput) -> tuple[Axis, Axis]:
    """Write the computation for rows and for columns.

    Parameters
    ----------
    nodes : Nodes
    shape : str
        The shape of the frames ``(N, H, W, 3)``, int64.
    spec : ImageInput
        Its ``resize`` is not ``none``.
    """
    frame = [nodes.add("Gather", shape, nodes.ints(axis)) for axis in (1, 2)]
    tensor = [nodes.ints(spec.height), nodes.ints(spec.width)]
    zero = nodes.ints(0)
    if spec.resize == "stretch":
        rows, columns = (
            Axis(zero, there, zero, size) for there, size in zip(frame, tensor, strict=True)
        )
        return rows, columns
    sizes = [nodes.cast(name, TensorProto.DOUBLE) for name in frame]
    wanted = [nodes.constant([side], np.float64) for side in (spec.height, spec.width)]
    if spec.resize == "letterbox":
        ratios = [nodes.add("Div", w, s) for w, s in zip(wanted, sizes, strict=True)]
        scale = nodes.add("Min", *ratios)
        inner = [
            _whole(nodes, nodes.add("Mul", size, scale), most)
            for size, most in zip(sizes, wanted, strict=True)
        ]
        offsets = [
            zero if spec.align == "top-left" else _half_of_rest(nodes, most, part)
            for most, part in zip(tensor, inner, strict=True)
        ]
        rows, columns = (
            Axis(zero, there, offset, part)
            for there, offset, part in zip(frame, offsets, inner, strict=True)
        )
        return rows, columns
    if spec.shorter_side is None:
        ratios = [nodes.add("Div", w, s) for w, s in zip(wanted, sizes, strict=True)]
        scale = nodes.add("Max", *ratios)
    else:
        shorter = nodes.constant([spec.shorter_side], np.float64)
        scale = nodes.add("Div", shorter, nodes.add("Min", *sizes))
    cut = [
        _whole(nodes, nodes.add("Div", side, scale), most)
        for side, most in zip(wanted, sizes, strict=True)
    ]
    rows, columns = (
        Axis(_half_of_rest(nodes, there, part), part, zero, size)
        for there, part, size in zip(frame, cut, tensor, strict=True)
    )
    return rows, columns


def _whole(nodes: Nodes, length: str, most: str) -> str:
    """Round to whole pixels, halves to even as Python does: at least 1, at most so many."""
    rounded = nodes.add("Max", nodes.add("Round", length), nodes.constant([1.0], np.float64))
    return nodes.cast(nodes.add("Min", rounded, most), TensorProto.INT64)


def _half_of_rest(nodes: Nodes, whole: str, part: str) -> str:
    return nodes.add("Div", nodes.add("Sub", whole, part), nodes.ints(2))
