"""Parts of a network that 8 bits may slow down, named so that they can be left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import onnx

from edgecnn.calibration.wiring import Wiring

__all__ = ["slow_blocks"]

#: Operators between a pooled tensor and the product that it scales.
_SQUEEZED = frozenset({"Conv", "Gemm", "HardSigmoid", "MatMul", "Relu", "Reshape", "Sigmoid"})
_GATES = frozenset({"HardSigmoid", "HardSwish", "Mul", "Sigmoid"})
_POOLS = frozenset({"GlobalAveragePool", "ReduceMean"})


def slow_blocks(model: onnx.ModelProto) -> dict[str, tuple[str, ...]]:
    """Find the parts whose 8-bit kernels often do not pay, by what people call them.

    Parameters
    ----------
    model : onnx.ModelProto
        In FP32.

    Returns
    -------
    dict of str to tuple of str
        Names of nodes. ``"first convolution"``: few input channels leave 8-bit dot products half
        empty, and its output is the largest. ``"depthwise convolutions"``: one channel each,
        nothing to sum up. ``"squeeze-and-excitation"`` (Hu et al. 2018, arXiv:1709.01507): tiny
        products between changes of type. ``"gates"``: the products of hard-swish, SiLU and
        attention, which FP32 does within the convolution. Parts that the network does not have are
        left out.
    """
    graph = model.graph
    readers = Wiring.of(graph).readers
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    blocks: dict[str, list[str]] = {
        "first convolution": [],
        "depthwise convolutions": [n.name for n in convolutions if _groups(n) > 1],
        "squeeze-and-excitation": [],
        "gates": [n.name for n in graph.node if n.op_type in _GATES],
    }
    inputs = {value.name for value in graph.input}
    for node in convolutions:
        if node.input[0] in inputs:
            blocks["first convolution"] += [node.name, *_gate_behind(node, readers)]
    for node in graph.node:
        if node.op_type in _POOLS and _is_squeeze(node, readers):
            blocks["squeeze-and-excitation"] += [node.name, *_squeezed(node, readers)]
    return {name: tuple(dict.fromkeys(names)) for name, names in blocks.items() if names}


def _groups(node: onnx.NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "group"), 1)


def _gate_behind(
    node: onnx.NodeProto, readers: Mapping[str, list[onnx.NodeProto]]
) -> Iterator[str]:
    """Name the gate that a convolution's output goes through."""
    for reader in readers[node.output[0]]:
        if reader.op_type in _GATES:
            yield reader.name


def _squeezed(pool: onnx.NodeProto, readers: Mapping[str, list[onnx.NodeProto]]) -> Iterator[str]:
    """Name what stands between a pooled tensor and the product that it scales."""
    waiting = list(readers[pool.output[0]])
    while waiting:
        node = waiting.pop()
        if node.op_type in _SQUEEZED:
            yield node.name
            waiting += readers[node.output[0]]


def _is_squeeze(pool: onnx.NodeProto, readers: Mapping[str, list[onnx.NodeProto]]) -> bool:
    """Tell whether what is pooled comes back to scale the tensor that it was pooled from."""
    seen, waiting = set(), list(readers[pool.output[0]])
    while waiting:
        node = waiting.pop()
        if node.op_type == "Mul" and pool.input[0] in node.input:
            return True
        if node.op_type in _SQUEEZED | {"Mul"} and node.name not in seen:
            seen.add(node.name)
            waiting += readers[node.output[0]]
    return False
