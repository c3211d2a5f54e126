"""Batch normalisations that no convolution has taken in, as convolutions of their own."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

__all__ = ["norms_as_convolutions"]

_EPSILON = 1e-5


def norms_as_convolutions(model: onnx.ModelProto) -> tuple[str, ...]:
    """Turn the batch normalisations that are left into depthwise convolutions, in place.

    One that stands behind an activation cannot become part of the convolution before it, nor, where
    that one pads with zeros, of the one behind it. ONNX Runtime has no 8-bit batch normalisation:
    it would be computed in FP32 between two conversions, and pooling behind it in a layout that is
    slow in 8 bits. A convolution with one weight per channel is the same function.

    Parameters
    ----------
    model : onnx.ModelProto
        Optimised, with shapes inferred.

    Returns
    -------
    tuple of str
        Names of the nodes.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.input)
        if value.type.tensor_type.HasField("shape")
    }
    turned = []
    for node in graph.node:
        numbers = [constants.get(name) for name in node.input[1:]]
        if node.op_type != "BatchNormalization" or ranks.get(node.input[0], 0) < 3:
            continue
        if None in numbers or len([name for name in node.output if name]) > 1:
            continue
        scale, shift, mean, variance = (
            numpy_helper.to_array(tensor).astype(np.float64) for tensor in numbers if tensor
        )
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), _EPSILON)
        factor = scale / np.sqrt(variance + epsilon)
        shape = (len(factor), 1, *(1,) * (ranks[node.input[0]] - 2))
        weights = {
            f"{node.name}_weight": factor.astype(np.float32).reshape(shape),
            f"{node.name}_bias": (shift - mean * factor).astype(np.float32),
        }
        graph.initializer.extend(numpy_helper.from_array(w, name) for name, w in weights.items())
        node.CopyFrom(
            helper.make_node(
                "Conv",
                [node.input[0], *weights],
                [node.output[0]],
                node.name,
                group=len(factor),
                kernel_shape=shape[2:],
            )
        )
        turned.append(node.name)
    if turned:
        used = {name for node in graph.node for name in node.input}
        for tensor in [one for one in graph.initializer if one.name not in used]:
            graph.initializer.remove(tensor)
    return tuple(turned)
