"""8-bit weights that become FP32 again as the file is loaded: a quarter of the size, FP32's speed.

For networks whose activations do not bear 8 bits, or that ONNX Runtime has no 8-bit kernels for
(GRU). Each weight is stored as bytes with a scale for each channel, behind a ``Cast`` and a
``Mul``. Those depend on no input, so a runtime works them out once, as it loads the file; in
memory, and while it runs, the network is FP32.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.excluded import check_excluded
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


def quantize_weights(model: onnx.ModelProto, *, exclude: Sequence[str] = ()) -> onnx.ModelProto:
    """Store the weights of a graph in 8 bits, symmetric, with a scale for each output channel.

    Parameters
    ----------
    model : onnx.ModelProto
        In FP32; it is not changed.
    exclude : sequence of str
        Nodes whose weights stay FP32.

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
    constants = {tensor.name: tensor for tensor in graph.initializer}
    axes: dict[str, int] = {}
    blocked: set[str] = set()
    for node in graph.node:
        places = _AXES.get(node.op_type, {})
        for place, name in enumerate(node.input):
            tensor = constants.get(name)
            if tensor is None or place not in places or node.name in exclude:
                # What something else reads too, or reads along another axis, stays as it is.
                blocked.add(name)
            elif _counts(tensor):
                axis = _axis(node, places[place]) % len(tensor.dims)
                if axes.setdefault(name, axis) != axis:
                    blocked.add(name)
    unpacked: list[onnx.NodeProto] = []
    for name, axis in axes.items():
        if name in blocked:
            continue
        values, scale = _rounded(numpy_helper.to_array(constants[name]), axis)
        graph.initializer.remove(constants[name])
        graph.initializer.append(numpy_helper.from_array(values, f"{name}_bytes"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))
        unpacked += [
            helper.make_node(
                "Cast", [f"{name}_bytes"], [f"{name}_whole"], f"{name}_Cast", to=TensorProto.FLOAT
            ),
            helper.make_node("Mul", [f"{name}_whole", f"{name}_scale"], [name], f"{name}_Mul"),
        ]
    if not unpacked:
        raise ModelError(
            "nothing in this network can be quantized", hint="it has no weights worth the trouble"
        )
    nodes = onnx.GraphProto(node=[*unpacked, *graph.node])
    graph.ClearField("node")
    graph.node.extend(nodes.node)
    return quantized


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


def _rounded(
    weights: NDArray[np.float32], axis: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round to -127 .. 127 steps of a scale for each channel (recurrent weights: and direction)."""
    kept = (0, axis) if weights.ndim == 3 and axis == 1 else (axis,)
    others = tuple(i for i in range(weights.ndim) if i not in kept)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    return np.clip(np.rint(weights / scale), -127, 127).astype(np.int8), scale
