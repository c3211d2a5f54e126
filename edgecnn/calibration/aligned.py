"""A fourth input channel, all zeros, where three are slow."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgecnn.calibration.wiring import Wiring

__all__ = ["align_channels"]

#: Bytes that VNNI multiplies and adds up at a time.
_AT_ONCE = 4


def align_channels(model: onnx.ModelProto) -> tuple[str, ...]:
    """Pad the input of convolutions with three channels to four, in place.

    Products are added up four bytes at a time. Where a window does not hold a multiple of that
    (3 x 3 of red, green, blue: 27), ONNX Runtime's kernels go through its rest byte by byte: two to
    four times as slow as with one more channel. The fourth channel's weights are zero, so every
    answer stays the same to the last bit.

    Parameters
    ----------
    model : onnx.ModelProto
        With quantize/dequantize pairs.

    Returns
    -------
    tuple of str
        Names of the convolutions.
    """
    graph = model.graph
    wiring = Wiring.of(graph)
    aligned, padding = [], {}
    for node in graph.node:
        if node.op_type != "Conv" or any(a.name == "group" and a.i > 1 for a in node.attribute):
            continue
        before, around = (wiring.made_by(name, "DequantizeLinear") for name in node.input[:2])
        if before is None or around is None:
            continue
        rounded = wiring.made_by(before.input[0], "QuantizeLinear")
        weights = wiring.constants.get(around.input[0])
        alone = all(
            len(wiring.readers[name]) == 1
            for name in (before.input[0], before.output[0], around.input[0], around.output[0])
        )
        if rounded is None or weights is None or not alone:
            continue
        if weights.dims[1] != _AT_ONCE - 1 or not math.prod(weights.dims[1:]) % _AT_ONCE:
            continue
        values = numpy_helper.to_array(weights)
        wider = np.pad(values, [(0, 0), (0, 1), *[(0, 0)] * (values.ndim - 2)])
        weights.CopyFrom(numpy_helper.from_array(wider, weights.name))
        amount = np.zeros(2 * values.ndim, np.int64)
        amount[values.ndim + 1] = 1
        stem = f"{node.name}_aligned"
        graph.initializer.append(numpy_helper.from_array(amount, f"{stem}_pads"))
        padding[before.name] = helper.make_node(
            "Pad",
            # With what stands for zero.
            [before.input[0], f"{stem}_pads", before.input[2]],
            [f"{stem}_input"],
            f"{stem}_Pad",
        )
        before.input[0] = f"{stem}_input"
        aligned.append(node.name)
        stale = {before.output[0], around.output[0]}
        kept = [value for value in graph.value_info if value.name not in stale]
        graph.ClearField("value_info")
        graph.value_info.extend(kept)
    if aligned:
        nodes: list[onnx.NodeProto] = []
        for node in graph.node:
            nodes += [padding[node.name], node] if node.name in padding else [node]
        written = onnx.GraphProto(node=nodes)
        graph.ClearField("node")
        graph.node.extend(written.node)
    return tuple(aligned)
