"""Which of a quantized graph's operators run in FP32 all the same."""

from __future__ import annotations

import re
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
    known = _Names(model)
    return Fusion(
        fused=tuple(known.of(node) for node in nodes if node.op_type in _FUSED),
        kept=tuple(known.of(node) for node in nodes if node.op_type in _ARITHMETIC),
        conversions=sum(n.op_type in ("QuantizeLinear", "DequantizeLinear") for n in nodes),
    )


def kept_fp32(model: onnx.ModelProto) -> tuple[str, ...]:
    """Name the convolutions and matrix products that ONNX Runtime does not fuse to 8 bits.

    The quantize/dequantize pairs around an operator are only a wish: whether it is granted shows
    in the graph that ONNX Runtime makes of it on this machine.
    """
    return fusion_of(model).kept


class _Names:
    """What the nodes of an optimised graph were called in the graph that it is made of.

    ONNX Runtime numbers what it fuses (``NAME_token_2``), and calls what it lays out anew by the
    tensor that it gives (``TENSOR_nchwc``), which may be a ``Relu``'s behind it.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._names = {node.name for node in model.graph.node}
        self._makers = {name: node for node in model.graph.node for name in node.output}

    def of(self, node: onnx.NodeProto) -> str:
        """Return the name of then, or the one of now where it cannot be told."""
        plain = re.sub(r"_token_\d+$", "", node.name)
        if plain in self._names:
            return plain
        waiting = [node.name.removesuffix("_nchwc")]
        met: set[str] = set()
        while waiting:
            maker = self._makers.get(waiting.pop(0))
            if maker is None or maker.name in met:
                continue
            if maker.op_type in _ARITHMETIC:
                return str(maker.name)
            met.add(maker.name)
            waiting += maker.input
        return str(node.name)
