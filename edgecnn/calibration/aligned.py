"""A fourth input channel, all zeros, where three are slow."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import onnx
from onnx import helper, numpy_helper

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
    makers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    aligned, padding = [], {}
    for node in graph.node:
        if node.op_type != "Conv" or any(a.name == "group" and a.i > 1 for a in node.attribute):
            continue
        pair = [makers.get(name) for name in node.input[:2]]
        if any(one is None or one.op_type != "DequantizeLinear" for one in pair):
            continue
        before, around = pair
        assert before is not None
        assert around is not None
        rounded, weights = makers.get(before.input[0]), constants.get(around.input[0])
        alone = all(
            len(readers[name]) == 1
            for name in (before.input[0], before.output[0], around.input[0], around.output[0])
        )
        if rounded is None or rounded.op_type != "QuantizeLinear" or weights is None or not alone:
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
