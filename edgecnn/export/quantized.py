"""Operators of numbers with 8 or 4 bits."""

from __future__ import annotations

import onnx

__all__ = ["QUANTIZED", "quantized_operator"]

#: ONNX's own, and those that ONNX Runtime brings.
QUANTIZED = frozenset(
    {
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLSTM",
        "DynamicQuantizeLinear",
        "DynamicQuantizeMatMul",
        "GatherBlockQuantized",
        "MatMulBnb4",
        "MatMulInteger",
        "MatMulIntegerToFloat",
        "MatMulNBits",
        "QGemm",
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
    }
)


def quantized_operator(model: onnx.ModelProto) -> str | None:
    """Return the first quantized operator of a graph; None if there is none."""
    return next((node.op_type for node in model.graph.node if node.op_type in QUANTIZED), None)
