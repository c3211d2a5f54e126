"""8-bit weights with activations quantized as they come: what recurrent networks take.

ONNX Runtime has no 8-bit LSTM between quantize/dequantize pairs, and pairs around the weights alone
would be multiplied out again at every step. Its ``DynamicQuantizeLSTM`` finds the range of the
inputs anew each time, so nothing has to be calibrated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx

from edgecnn.calibration.quiet import quiet
from edgecnn.errors import ModelError
from edgecnn.metadata import CharacterInput
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.preprocessing.text import character_numbers, initial_state

__all__ = ["one_step", "quantize_dynamically"]

_OPERATORS = ("LSTM", "Gemm", "MatMul", "Gather")


def quantize_dynamically(
    model: onnx.ModelProto, *, reduce_range: bool = False, exclude: Sequence[str] = ()
) -> onnx.ModelProto:
    """Quantize the weights of recurrent layers, embeddings and matrix products to 8 bits.

    Parameters
    ----------
    model : onnx.ModelProto
        It is not changed.
    reduce_range : bool
        Weights of 7 bits.
    exclude : sequence of str
        Nodes to leave in FP32.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    ModelError
        A recurrent layer of another kind than LSTM: ONNX Runtime has no 8-bit form of it.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    kinds = {node.op_type for node in model.graph.node}
    if not kinds & {"GRU", "LSTM", "RNN"}:
        raise ModelError(
            "dynamic quantization is for recurrent networks, and this is none: with ranges found "
            "anew for each input convolutions are slower than in FP32",
            hint="--form static, or --form weights for a small file",
        )
    if "LSTM" not in kinds:
        layers = ", ".join(sorted(kinds & {"GRU", "RNN"})) or "recurrent"
        raise ModelError(
            f"ONNX Runtime has no 8-bit form of {layers} layers",
            hint='train the network with cell = "lstm", or store its weights alone: --form weights',
        )
    with tempfile.TemporaryDirectory() as folder, quiet():
        out = Path(folder) / "dynamic.onnx"
        quantize_dynamic(
            model,
            out,
            op_types_to_quantize=list(_OPERATORS),
            nodes_to_exclude=list(exclude),
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
        )
        quantized: onnx.ModelProto = onnx.load_model(out)
    return quantized


def one_step(spec: CharacterInput) -> Tensors:
    """Return the inputs of one step of generation, by which such a network is timed."""
    return {spec.name: character_numbers(spec.vocabulary[0], spec)[None], **initial_state(spec)}
