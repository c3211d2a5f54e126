"""Weights of 8 or 4 bits, for files a quarter or an eighth of the size; activations stay FP32.

For networks whose activations do not bear 8 bits, or that ONNX Runtime has no 8-bit kernels for
(GRU), and for those that are large by weights. Most become FP32 as the file is loaded
(:mod:`edgecnn.calibration.stored_weights`); large matrix products of 4 bits stay so, and are the
faster for it (:mod:`edgecnn.calibration.block_products`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper

from edgecnn.calibration.block_products import DOMAIN, fits_kernel, product_in_blocks
from edgecnn.calibration.excluded import check_excluded
from edgecnn.calibration.stored_weights import (
    SHARED,
    Stored,
    blocks_pay,
    store_blocks,
    store_bytes,
)
from edgecnn.errors import ModelError

__all__ = ["WEIGHTED", "quantize_weights"]

#: Where the weights of an operator are, by input, and along which axis a channel lies.
_AXES: dict[str, dict[int, int]] = {
    "Conv": {1: 0},
    "ConvTranspose": {1: 1},
    "Gather": {0: 0},
    "GRU": {1: 1, 2: 1},
    "Gemm": {1: 1},
    "LSTM": {1: 1, 2: 1},
    "MatMul": {1: -1},
    "RNN": {1: 1, 2: 1},
}

#: Operators with weights.
WEIGHTED = frozenset(_AXES)

#: Smaller weights save nothing: a scale for each channel and two nodes take their place.
_LEAST = 256

#: Smaller ones stay in 8 bits where others have 4: so few bytes are not worth the accuracy.
_LEAST_BLOCKED = 4096


@dataclass
class _Weight:
    """A constant with the nodes that read it as their weights, the channel along one axis."""

    tensor: onnx.TensorProto
    axis: int
    readers: list[onnx.NodeProto] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows as it lies in memory: a convolution's channel is one, whatever its kernel."""
        dims = self.tensor.dims
        return int(
            dims[0] if self.readers[0].op_type in ("Conv", "ConvTranspose") else np.prod(dims[:-1])
        )

    @property
    def count(self) -> int:
        return int(np.prod(self.tensor.dims))


def quantize_weights(
    model: onnx.ModelProto,
    *,
    exclude: Sequence[str] = (),
    bits: int = 8,
    block: int = 32,
    eight: Collection[str] = (),
) -> onnx.ModelProto:
    """Round the weights of a graph: symmetric, by channel in 8 bits, by block in 4.

    Parameters
    ----------
    model : onnx.ModelProto
        In FP32; it is not changed.
    exclude : sequence of str
        Nodes whose weights stay FP32.
    bits : 8 or 4
    block : int
        Of 4 bits, weights that share a scale:
        :data:`edgecnn.calibration.block_rounding.BLOCKS`.
    eight : collection of str
        Nodes whose weights have 8 bits where others have 4. So have those that 4 would not make
        smaller (the nine of a depthwise kernel), or by less than 2 KB.

    Raises
    ------
    ModelError
        There are none that it would make smaller.
    UsageError
        ``exclude`` names a node that is not there.
    """
    check_excluded(model, exclude)
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    graph = quantized.graph
    replaced: dict[str, list[onnx.NodeProto]] = {}
    unpacked: list[onnx.NodeProto] = []
    blocked = False
    weights = list(_weights(graph, exclude))
    for weight in weights:
        graph.initializer.remove(weight.tensor)
        four = (
            bits == 4
            and weight.count >= _LEAST_BLOCKED
            and not any(node.name in eight for node in weight.readers)
        )
        if four and all(fits_kernel(node, weight.tensor) for node in weight.readers):
            for node in weight.readers:
                nodes, constants = product_in_blocks(node, weight.tensor, block)
                replaced[node.output[0]] = nodes
                graph.initializer.extend(constants)
            continue
        if four and blocks_pay(weight.count // weight.rows, block):
            stored: Stored = store_blocks(weight.tensor, weight.rows, block)
            blocked = True
        else:
            stored = store_bytes(weight.tensor, weight.axis)
        graph.initializer.extend(stored.constants)
        unpacked += stored.nodes
    if not weights:
        raise ModelError(
            "nothing in this network can be quantized", hint="it has no weights worth the trouble"
        )
    if blocked:
        graph.initializer.extend(SHARED)
    if replaced and DOMAIN not in {entry.domain for entry in quantized.opset_import}:
        quantized.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    rest = [one for node in graph.node for one in replaced.get(node.output[0], [node])]
    nodes_only = onnx.GraphProto(node=[*unpacked, *rest])
    graph.ClearField("node")
    graph.node.extend(nodes_only.node)
    return quantized


def _weights(graph: onnx.GraphProto, exclude: Sequence[str]) -> Iterator[_Weight]:
    """Yield what is read as weights and as nothing else, along one axis."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found: dict[str, _Weight] = {}
    blocked = {value.name for value in graph.output}
    for node in graph.node:
        places = _AXES.get(node.op_type, {})
        for place, name in enumerate(node.input):
            tensor = constants.get(name)
            if tensor is None or place not in places or node.name in exclude:
                # What something else reads too, or reads along another axis, stays as it is.
                blocked.add(name)
            elif _counts(tensor):
                axis = _axis(node, places[place]) % len(tensor.dims)
                weight = found.setdefault(name, _Weight(tensor, axis))
                weight.readers.append(node)
                if weight.axis != axis:
                    blocked.add(name)
    yield from (weight for name, weight in found.items() if name not in blocked)


def _counts(tensor: onnx.TensorProto) -> bool:
    return (
        tensor.data_type == TensorProto.FLOAT
        and len(tensor.dims) > 1
        and int(np.prod(tensor.dims)) >= _LEAST
    )


def _axis(node: onnx.NodeProto, usual: int) -> int:
    if node.op_type == "Gemm" and any(a.name == "transB" and a.i for a in node.attribute):
        return 0
    return usual
