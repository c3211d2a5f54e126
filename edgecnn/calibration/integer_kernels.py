"""The same arithmetic, in the operators that ONNX Runtime has 8-bit kernels for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgecnn.calibration.wiring import Wiring, drop_unused

__all__ = ["tabulate_gates", "use_pooling"]

#: The standard's defaults of ``HardSigmoid``; of hard-swish (Howard et al. 2019) alpha is 1/6.
_ALPHA, _BETA = 0.2, 0.5


def use_pooling(model: onnx.ModelProto) -> bool:
    """Write a mean over places as ``GlobalAveragePool``, and hard-swish as its two parts, in place.

    PyTorch's exporter gives ``ReduceMean`` and ``HardSwish``; neither has an 8-bit kernel, so each
    would be FP32 between two changes of type.

    Parameters
    ----------
    model : onnx.ModelProto
        With shapes inferred.

    Returns
    -------
    bool
        Whether there was anything to write anew.
    """
    changed = False
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*model.graph.value_info, *model.graph.input, *model.graph.output)
    }
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "HardSwish":
            changed = True
            gate = f"{node.output[0]}_gate"
            nodes += [
                helper.make_node(
                    "HardSigmoid",
                    [node.input[0]],
                    [gate],
                    f"{node.name}_gate",
                    alpha=1 / 6,
                    beta=0.5,
                ),
                helper.make_node("Mul", [node.input[0], gate], [node.output[0]], node.name),
            ]
            continue
        if node.op_type == "ReduceMean" and _is_over_picture(
            node, constants, ranks.get(node.input[0], 0)
        ):
            changed = True
            node = helper.make_node(  # noqa: PLW2901 - the same node by another name
                "GlobalAveragePool", [node.input[0]], list(node.output), node.name
            )
        nodes.append(node)
    written = onnx.GraphProto(node=nodes)
    model.graph.ClearField("node")
    model.graph.node.extend(written.node)
    return changed


def _is_over_picture(
    node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto], rank: int
) -> bool:
    """Tell whether a mean is over all axes behind batch and channels, and keeps them as ones."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    axes = attributes.get("axes")
    if axes is None and len(node.input) > 1 and node.input[1] in constants:
        axes = numpy_helper.to_array(constants[node.input[1]]).ravel().tolist()
    if axes is None or rank < 3 or not attributes.get("keepdims", 1):
        return False
    return sorted(axis % rank for axis in axes) == list(range(2, rank))


def tabulate_gates(model: onnx.ModelProto) -> int:
    """Let hard sigmoids between 8-bit tensors be looked up, in place.

    A hard sigmoid is a straight line, cut off at both ends; so is the rounding to 8 bits. Rounding
    its *input* to the span between its two corners, and reading the same byte as 0 to 1, is the
    function, without one multiplication. A ``LeakyRelu`` of slope 1 (the identity) in its place is
    what ONNX Runtime does by a table of 256 bytes. Values are at most a step (1/255) off, like any
    value of 8 bits.

    Returns
    -------
    int
        How many there were.
    """
    graph = model.graph
    wiring = Wiring.of(graph)
    readers = wiring.readers
    outputs = {value.name for value in graph.output}
    count = 0
    for node in graph.node:
        if node.op_type != "HardSigmoid" or node.output[0] in outputs:
            continue
        after = readers[node.output[0]]
        if wiring.made_by(node.input[0], "DequantizeLinear") is None:
            continue
        if len(after) != 1 or after[0].op_type != "QuantizeLinear":
            continue
        (rounded,) = after
        dequantized = readers[rounded.output[0]]
        held = wiring.constants.get(rounded.input[2]) if len(rounded.input) > 2 else None
        zero = None if held is None else numpy_helper.to_array(held)
        slope = {a.name: a.f for a in node.attribute}
        alpha, beta = slope.get("alpha", _ALPHA), slope.get("beta", _BETA)
        if zero is None or zero.ndim or alpha <= 0 or not _only_read(dequantized):
            continue
        low, high = np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max
        # The byte ``low`` stands for 0, ``high`` for 1: -beta/alpha and (1-beta)/alpha before it.
        names = _add(
            graph,
            node.output[0],
            np.float32(1 / (alpha * 255)),
            np.array(np.clip(np.floor(low + 255 * beta), low, high), zero.dtype),
            np.float32(1 / 255),
            np.array(low, zero.dtype),
        )
        node.op_type = "LeakyRelu"
        node.ClearField("attribute")
        node.attribute.append(helper.make_attribute("alpha", 1.0))
        rounded.input[1], rounded.input[2] = names[:2]
        for reader in dequantized:
            reader.input[1], reader.input[2] = names[2:]
        count += 1
    if count:
        drop_unused(graph)
    return count


def _only_read(nodes: list[onnx.NodeProto]) -> bool:
    return bool(nodes) and all(
        node.op_type == "DequantizeLinear" and len(node.input) > 2 for node in nodes
    )


def _add(
    graph: onnx.GraphProto, stem: str, *values: NDArray[np.generic] | np.float32
) -> tuple[str, ...]:
    names = tuple(
        f"{stem}_{what}"
        for what in ("line_scale", "line_zero_point", "unit_scale", "unit_zero_point")
    )
    for name, value in zip(names, values, strict=True):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return names
