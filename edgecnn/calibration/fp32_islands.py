"""Layers that are to stay FP32 between 8-bit ones, and stay so.

Where a convolution or ``Gemm`` with FP32 weights stands between a ``DequantizeLinear`` and a
``QuantizeLinear``, ONNX Runtime takes its weights for forgotten, and quantizes them as it loads the
file: per tensor, which is worse than what was left out (its ``WeightBiasQuantization``, which looks
for a single scale). A scale for each channel, all of them the same, says the same numbers and is
left alone.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgecnn.calibration.wiring import Wiring

__all__ = ["guard_islands"]

_TAKEN = frozenset({"Conv", "ConvTranspose", "Gemm"})


def guard_islands(model: onnx.ModelProto) -> tuple[str, ...]:
    """Give each layer with FP32 weights its own input, dequantized by channel, in place.

    Parameters
    ----------
    model : onnx.ModelProto
        With quantize/dequantize pairs.

    Returns
    -------
    tuple of str
        Names of the layers.
    """
    graph = model.graph
    wiring = Wiring.of(graph)
    constants = wiring.constants
    guarded, nodes = [], []
    for node in graph.node:
        before = (
            wiring.made_by(node.input[0], "DequantizeLinear") if node.op_type in _TAKEN else None
        )
        weights = constants.get(node.input[1]) if before is not None else None
        if before is None or weights is None or weights.data_type != onnx.TensorProto.FLOAT:
            nodes.append(node)
            continue
        channels = _channels(node, weights)
        scale = numpy_helper.to_array(constants[before.input[1]])
        zero = numpy_helper.to_array(constants[before.input[2]])
        names = [f"{node.name}_input_{what}" for what in ("scale", "zero_point", "dequantized")]
        for name, value in zip(names, (scale, zero), strict=False):
            graph.initializer.append(
                numpy_helper.from_array(np.full(channels, value.reshape(-1)[0], value.dtype), name)
            )
        nodes.append(
            helper.make_node(
                "DequantizeLinear",
                [before.input[0], *names[:2]],
                [names[2]],
                f"{node.name}_input_DequantizeLinear",
                axis=1,
            )
        )
        node.input[0] = names[2]
        nodes.append(node)
        guarded.append(node.name)
    if guarded:
        _set_nodes(graph, nodes)
    return tuple(guarded)


def _channels(node: onnx.NodeProto, weights: onnx.TensorProto) -> int:
    attributes: dict[str, int] = {a.name: a.i for a in node.attribute}
    if node.op_type == "Conv":
        return int(weights.dims[1]) * attributes.get("group", 1)
    if node.op_type == "ConvTranspose":
        return int(weights.dims[0])
    return int(weights.dims[1 if attributes.get("transB", 0) else 0])


def _set_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Put nodes in, without those whose output nobody reads any more."""
    outputs = {value.name for value in graph.output}
    read = {name for node in nodes for name in node.input} | outputs
    kept = onnx.GraphProto(
        node=[
            node for node in nodes if node.op_type != "DequantizeLinear" or node.output[0] in read
        ]
    )
    graph.ClearField("node")
    graph.node.extend(kept.node)
