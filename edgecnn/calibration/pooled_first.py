"""Batch normalisations behind a maximum pool that follows them, where fewer numbers are left."""

from __future__ import annotations

import onnx
from onnx import numpy_helper

__all__ = ["pool_before_norms"]


def pool_before_norms(model: onnx.ModelProto) -> tuple[str, ...]:
    """Let maximum pools go before the batch normalisations that only they read, in place.

    A normalisation with no factor below 0 keeps the order of numbers, so the largest stays the
    largest: the answers are the same, to the last bit. What is left to be normalised is as much
    less as the pool's stride says.

    Parameters
    ----------
    model : onnx.ModelProto
        With shapes inferred.

    Returns
    -------
    tuple of str
        Names of the normalisations.
    """
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    shapes = {value.name: value for value in graph.value_info}
    ends = {value.name for value in graph.output}
    order = list(graph.node)
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in order:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    moved = []
    for norm in [node for node in order if node.op_type == "BatchNormalization"]:
        between = norm.output[0]
        scale, reading = constants.get(norm.input[1]), readers.get(between, [])
        if scale is None or len(norm.output) > 1 or len(reading) != 1 or between in ends:
            continue
        (pool,) = reading
        if pool.op_type != "MaxPool" or len(pool.output) > 1:
            continue
        if (numpy_helper.to_array(scale) < 0).any():
            continue
        end = pool.output[0]
        pool.input[0], pool.output[0] = norm.input[0], between
        norm.input[0], norm.output[0] = between, end
        # Between the two stands what the pool gives now.
        if between in shapes and end in shapes:
            shapes[between].type.CopyFrom(shapes[end].type)
        elif between in shapes:
            graph.value_info.remove(shapes[between])
        order.remove(norm)
        order.insert(order.index(pool) + 1, norm)
        moved.append(norm.name)
    if moved:
        written = onnx.GraphProto(node=order)
        graph.ClearField("node")
        graph.node.extend(written.node)
    return tuple(moved)
