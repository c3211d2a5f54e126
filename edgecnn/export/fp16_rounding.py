"""What an FP16 graph computes where FP16 is real, measured on a machine where it is not.

ONNX Runtime has next to no FP16 kernels for x86: it casts up, computes in FP32 and casts down, and
leaves out the casts between two nodes. A comparison there would hide what a GPU shows: digits lost
between layers, and overflow. So the FP32 graph is given FP16's rounding behind every node that
computes in FP16. Sums inside one node stay FP32, as they are in the kernels of GPUs.
"""

from __future__ import annotations

from collections.abc import Collection

import onnx
from onnx import TensorProto, helper

from edgecnn.export.fp16_weights import HALF_LARGEST
from edgecnn.export.opset import opset_of

__all__ = ["with_rounding"]

_DOMAIN = "edgecnn.fp16"
_ROUND = "Round"


def with_rounding(model: onnx.ModelProto, tensors: Collection[str]) -> onnx.ModelProto:
    """Return a copy of an FP32 graph that rounds some of its tensors to FP16 and back.

    Parameters
    ----------
    model : onnx.ModelProto
    tensors : collection of str
        Outputs of nodes, and weights; see :attr:`edgecnn.export.fp16.Fp16Graph.tensors`.

    Notes
    -----
    Rounding to 11 bits is Dekker's splitting (Numer. Math. 18, 1971), which no optimiser takes for
    a pair of casts; below the smallest normal number, 2^-14, it is to multiples of 2^-24.
    """
    rounded = onnx.ModelProto()
    rounded.CopyFrom(model)
    nodes = []
    for node in rounded.graph.node:
        nodes.append(node)
        for i, name in enumerate(node.output):
            if name in tensors:
                exact = f"{name}.exact"
                node.output[i] = exact
                nodes.append(helper.make_node(_ROUND, [exact], [name], domain=_DOMAIN))
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del rounded.graph.node[:]
    rounded.graph.node.extend(copies)
    rounded.functions.append(_rounding(opset_of(model)))
    rounded.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    return rounded


def _rounding(opset: int) -> onnx.FunctionProto:
    def constant(name: str, value: float) -> onnx.NodeProto:
        tensor = helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        return helper.make_node("Constant", [], [name], value=tensor)

    nodes = [
        constant("split", 2.0**13 + 1),
        constant("coarse", 0.75),
        constant("normal", 2.0**-14),
        constant("largest", HALF_LARGEST),
        constant("huge", 3e38),
        helper.make_node("Mul", ["x", "split"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "x"], ["rest"]),
        helper.make_node("Sub", ["scaled", "rest"], ["eleven_bits"]),
        helper.make_node("Add", ["x", "coarse"], ["shifted"]),
        helper.make_node("Sub", ["shifted", "coarse"], ["subnormal"]),
        helper.make_node("Abs", ["x"], ["size"]),
        helper.make_node("Less", ["size", "normal"], ["small"]),
        helper.make_node("Where", ["small", "subnormal", "eleven_bits"], ["near"]),
        helper.make_node("Abs", ["near"], ["near_size"]),
        helper.make_node("Greater", ["near_size", "largest"], ["too_large"]),
        # Beyond the largest number lies infinity, of the same sign.
        helper.make_node("Mul", ["near", "huge"], ["infinite"]),
        helper.make_node("Where", ["too_large", "infinite", "near"], ["y"]),
    ]
    return helper.make_function(
        _DOMAIN, _ROUND, ["x"], ["y"], nodes, [helper.make_opsetid("", opset)]
    )
