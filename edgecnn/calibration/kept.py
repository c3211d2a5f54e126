"""Which of a quantized graph's operators run in FP32 all the same."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from edgecnn.calibration.sessions import optimised

__all__ = ["Fusion", "fusion_of", "kept_fp32"]

#: Operators that do the arithmetic; one of them in FP32 costs what quantizing should have saved.
_ARITHMETIC = frozenset(
    {"Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul"}
)

_FUSED = frozenset({"ConvInteger", "MatMulInteger", "QGemm", "QLinearConv", "QLinearMatMul"}) | {
    "DynamicQuantizeLSTM", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QLinearConvTranspose"
}  # fmt: skip


@dataclass(frozen=True)
class Fusion:
    """What ONNX Runtime makes of a quantized graph on this machine.

    Attributes
    ----------
    fused : tuple of str
        Convolutions and products that it runs in 8 bits.
    kept : tuple of str
        Those that it runs in FP32.
    conversions : int
        Changes between 8 bits and FP32 that are left.
    """

    fused: tuple[str, ...]
    kept: tuple[str, ...]
    conversions: int


def fusion_of(model: onnx.ModelProto) -> Fusion:
    """Count what became 8-bit in the graph that ONNX Runtime makes of a graph on this machine."""
    nodes = optimised(model, basic=False).graph.node
    return Fusion(
        fused=tuple(node.name for node in nodes if node.op_type in _FUSED),
        kept=tuple(node.name for node in nodes if node.op_type in _ARITHMETIC),
        conversions=sum(n.op_type in ("QuantizeLinear", "DequantizeLinear") for n in nodes),
    )


def kept_fp32(model: onnx.ModelProto) -> tuple[str, ...]:
    """Name the convolutions and matrix products that ONNX Runtime does not fuse to 8 bits.

    The quantize/dequantize pairs around an operator are only a wish: whether it is granted shows
    in the graph that ONNX Runtime makes of it on this machine.
    """
    return fusion_of(model).kept
