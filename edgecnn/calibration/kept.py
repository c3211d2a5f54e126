"""Which of a quantized graph's operators run in FP32 all the same."""

from __future__ import annotations

import onnx

from edgecnn.calibration.sessions import optimised

__all__ = ["kept_fp32"]

#: Operators that do the arithmetic; one of them in FP32 costs what quantizing should have saved.
_ARITHMETIC = frozenset(
    {"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}
)


def kept_fp32(model: onnx.ModelProto) -> tuple[str, ...]:
    """Name the convolutions and matrix products that ONNX Runtime does not fuse to 8 bits.

    The quantize/dequantize pairs around an operator are only a wish: whether it is granted shows
    in the graph that ONNX Runtime makes of it on this machine.
    """
    nodes = optimised(model, basic=False).graph.node
    return tuple(node.name for node in nodes if node.op_type in _ARITHMETIC)
