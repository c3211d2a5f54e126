"""What an FP16 graph computes where FP16 is real, measured on a machine where it is not.

ONNX Runtime has next to no FP16 kernels for x86: it casts up, computes in FP32 and casts down, and
leaves out the casts between two nodes. A comparison there would hide what a GPU shows: digits lost
between layers, and overflow. So every FP16 tensor is made an FP32 one with FP16's rounding behind
what gives it, a cast to FP16 as well as a layer. Sums inside one node stay FP32, as they are in the
kernels of GPUs.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgecnn.export.fp16_weights import HALF_LARGEST
from edgecnn.export.opset import opset_of

__all__ = ["with_rounding"]

_DOMAIN = "edgecnn.fp16"
_ROUND = "Round"


def with_rounding(half: onnx.ModelProto) -> onnx.ModelProto:
    """Return an FP32 graph that gives what an FP16 graph gives where FP16 is real.

    Parameters
    ----------
    half : onnx.ModelProto
        :attr:`edgecnn.export.fp16.Fp16Graph.model`, its types inferred. It is not changed.

    Notes
    -----
    Rounding to 11 bits is Dekker's splitting (Numer. Math. 18, 1971), which no optimiser takes for
    a pair of casts; below the smallest normal number, 2^-14, it is to multiples of 2^-24.
    """
    rounded = onnx.ModelProto()
    rounded.CopyFrom(half)
    graph = rounded.graph
    narrow = set()
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            narrow.add(value.name)
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            wide = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(wide, tensor.name))
    nodes = []
    # Files whose inputs are FP16 are given rounded numbers: nobody could give them others.
    renamed = {value.name: f"{value.name}.rounded" for value in graph.input if value.name in narrow}
    for name, made in renamed.items():
        nodes.append(_round(name, made))
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
        nodes.append(node)
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
        for i, name in enumerate(node.output):
            if name in narrow:
                exact = f"{name}.exact"
                node.output[i] = exact
                nodes.append(_round(exact, name))
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    rounded.functions.append(_rounding(opset_of(half)))
    rounded.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    return rounded


def _round(source: str, target: str) -> onnx.NodeProto:
    node: onnx.NodeProto = helper.make_node(_ROUND, [source], [target], domain=_DOMAIN)
    return node


def _rounding(opset: int) -> onnx.FunctionProto:
    def constant(name: str, value: float) -> onnx.NodeProto:
        tensor = helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        return helper.make_node("Constant", [], [name], value=tensor)

    nodes = [
        constant("split", 2.0**13 + 1),
        constant("coarse", 0.75),
        constant("normal", 2.0**-14),
        # Rounded numbers lie on FP16's steps: the next behind its largest is 65,536.
        constant("beyond", HALF_LARGEST + 1),
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
        helper.make_node("Less", ["near_size", "beyond"], ["fits"]),
        # Beyond the largest number lies infinity, of the same sign; it stays what it is, and so
        # does what is no number.
        helper.make_node("Mul", ["x", "huge"], ["infinite"]),
        helper.make_node("Where", ["fits", "near", "infinite"], ["y"]),
    ]
    return helper.make_function(
        _DOMAIN, _ROUND, ["x"], ["y"], nodes, [helper.make_opsetid("", opset)]
    )
