"""Area averaging and bilinear growth, as :func:`edgecnn.preprocessing.image.resize_area` does it.

ONNX ``Resize`` has no area mode, and its antialiased linear filter is another one: it reads twice
as far, and is off by 20 grey levels at edges. Both rules are weighted sums of a few neighbours
along each axis, though. So each output row gathers the rows that it is made of and one product
weighs them; then the same for columns.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from edgecnn.export.fit_nodes import Axis
from edgecnn.export.nodes import Nodes

__all__ = ["resize_rows"]


def resize_rows(nodes: Nodes, pictures: str, axis: Axis, inner: str) -> str:
    """Resize axis 1 of a batch, and only that.

    Parameters
    ----------
    nodes : Nodes
    pictures : str
        Shape ``(N, length, A, B)``, uint8 or float32; what is read of axis 1 is ``axis``.
    axis : Axis
    inner : str
        ``(A, B)`` as int64 of shape (2,).

    Returns
    -------
    str
        Shape ``(N, size, A, B)``, float32, not rounded.
    """
    numbers, weights, taps = _neighbours(nodes, axis)
    gathered = nodes.cast(nodes.add("Gather", pictures, numbers, axis=1), TensorProto.FLOAT)
    minus_one = nodes.ints(-1)
    # (N, size, taps, A * B): the batch is 0 in Reshape's words, a copy of what it was.
    apart = nodes.add("Concat", nodes.ints(0), axis.size, taps, minus_one, axis=0)
    stacked = nodes.add("Reshape", gathered, apart)
    summed = nodes.add("MatMul", weights, stacked)
    back = nodes.add("Concat", nodes.ints(0), axis.size, inner, axis=0)
    return nodes.add("Reshape", summed, back)


def _neighbours(nodes: Nodes, axis: Axis) -> tuple[str, str, str]:
    """Return which rows are gathered (size * taps), their weights (size, 1, taps), and taps (1).

    An output row ``i`` covers ``[i * s, (i + 1) * s)`` with ``s`` input rows per output row. Where
    the axis shrinks, weights are the shares of input rows in that stretch; where it grows, those
    of linear interpolation at its middle, and rows beyond the edge repeat the edge.
    """
    one = nodes.constant([1.0], np.float64)
    half = nodes.constant([0.5], np.float64)
    length = nodes.cast(axis.length, TensorProto.DOUBLE)
    size = nodes.cast(axis.size, TensorProto.DOUBLE)
    step = nodes.add("Div", length, size)
    grows = nodes.add("Less", step, one)
    # A stretch of s rows touches ceil(s) + 1 at most; rounding must not hide the last of them.
    taps = nodes.add("Add", nodes.cast(nodes.add("Ceil", step), TensorProto.INT64), nodes.ints(1))
    outputs = _count(nodes, axis.size, (-1, 1))
    low = nodes.add("Mul", outputs, step)
    high = nodes.add("Add", low, step)
    middle = nodes.add("Sub", nodes.add("Add", low, nodes.add("Mul", step, half)), half)
    first = nodes.add("Floor", nodes.add("Where", grows, middle, low))
    rows = nodes.add("Add", first, _count(nodes, taps, (1, -1)))
    shared = nodes.add(
        "Sub", nodes.add("Min", high, nodes.add("Add", rows, one)), nodes.add("Max", low, rows)
    )
    area = nodes.add("Div", shared, step)
    linear = nodes.add("Sub", one, nodes.add("Abs", nodes.add("Sub", rows, middle)))
    weights = nodes.add("Where", grows, linear, area)
    weights = nodes.add("Max", weights, nodes.constant([0.0], np.float64))
    weights = nodes.cast(weights, TensorProto.FLOAT)
    last = nodes.add("Sub", length, one)
    inside = nodes.add("Max", nodes.add("Min", rows, last), nodes.constant([0.0], np.float64))
    numbers = nodes.add("Add", nodes.cast(inside, TensorProto.INT64), axis.start)
    flat = nodes.add("Reshape", numbers, nodes.ints(-1))
    stacked = nodes.add(
        "Reshape", weights, nodes.add("Concat", axis.size, nodes.ints(1), taps, axis=0)
    )
    return flat, stacked, taps


def _count(nodes: Nodes, length: str, shape: tuple[int, int]) -> str:
    """Return 0, 1, ... as float64 in rows or in a row."""
    scalar = nodes.add("Reshape", length, nodes.constant([], np.int64))
    counted = nodes.add("Range", nodes.constant(0, np.int64), scalar, nodes.constant(1, np.int64))
    return nodes.add("Reshape", nodes.cast(counted, TensorProto.DOUBLE), nodes.ints(*shape))
