"""Matrix products by weights of 4 bits, which stay 4 bits in memory."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgecnn.calibration.block_rounding import round_to_blocks

__all__ = ["DOMAIN", "fits_kernel", "product_in_blocks"]

#: Of ONNX Runtime's own operators.
DOMAIN = "com.microsoft"

#: Fewer weights lie in the cache as FP32 too: the kernel's own work then outweighs what it saves.
#: (Measured on an EPYC with VNNI, one thread: 400 x 120 as fast as FP32, 784 x 512 1.7 times.)
_LEAST = 1 << 16

#: Activations are rounded to 8 bits by block, and multiplied as whole numbers; unset, weights are
#: brought back to FP32 at each call, which was slower than FP32 in all but the largest layers.
_WHOLE_NUMBERS = 4


def fits_kernel(node: onnx.NodeProto, weights: onnx.TensorProto) -> bool:
    """Tell whether ``MatMulNBits`` computes what a product with constant weights does, and pays."""
    if len(weights.dims) != 2 or weights.dims[0] * weights.dims[1] < _LEAST:
        return False
    if node.op_type == "MatMul":
        return True
    plain = {"alpha": 1.0, "beta": 1.0, "transA": 0}
    return node.op_type == "Gemm" and all(
        helper.get_attribute_value(a) == plain[a.name] for a in node.attribute if a.name in plain
    )


def product_in_blocks(
    node: onnx.NodeProto, weights: onnx.TensorProto, block: int
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Write a ``MatMul`` or ``Gemm`` as ``MatMulNBits``, its bias added behind it.

    Parameters
    ----------
    node : onnx.NodeProto
        One that :func:`fits_kernel` takes.
    weights : onnx.TensorProto
        Its second input.
    block : int
        One of :data:`edgecnn.calibration.block_rounding.BLOCKS`.

    Returns
    -------
    nodes : list of onnx.NodeProto
        What it gives keeps its name.
    constants : list of onnx.TensorProto
        What they read beside what the node read.

    Notes
    -----
    ONNX Runtime's contributed operators, "com.microsoft.MatMulNBits", version 1; without zero
    points the code 8 is zero. ONNX Runtime makes one kernel of it and the ``Add``.
    """
    transposed = any(a.name == "transB" and a.i for a in node.attribute)
    values = numpy_helper.to_array(weights)
    rows = values if transposed else np.ascontiguousarray(values.T)
    rounded = round_to_blocks(rows, block)
    constants = [
        numpy_helper.from_array(rounded.alternating, f"{node.output[0]}_codes"),
        numpy_helper.from_array(rounded.scale, f"{node.output[0]}_scale"),
    ]
    biased = len(node.input) > 2 and bool(node.input[2])
    product = f"{node.output[0]}_product" if biased else node.output[0]
    nodes = [
        helper.make_node(
            "MatMulNBits",
            [node.input[0], *(tensor.name for tensor in constants)],
            [product],
            node.name,
            domain=DOMAIN,
            K=rows.shape[1],
            N=rows.shape[0],
            bits=4,
            block_size=block,
            accuracy_level=_WHOLE_NUMBERS,
        )
    ]
    if biased:
        nodes.append(
            helper.make_node(
                "Add", [product, node.input[2]], [node.output[0]], f"{node.output[0]}_Add"
            )
        )
    return nodes, constants
