"""Bring a graph into the form that is best quantized."""

from __future__ import annotations

import onnx
import onnx.version_converter

from edgecnn.calibration.apart import infer_shapes
from edgecnn.calibration.integer_kernels import use_pooling
from edgecnn.calibration.lone_norms import norms_as_convolutions
from edgecnn.calibration.pooled_first import pool_before_norms
from edgecnn.calibration.sessions import optimised
from edgecnn.errors import ModelError
from edgecnn.export.node_names import name_nodes
from edgecnn.export.opset import opset_of
from edgecnn.metadata import ImageInput, ModelMetadata

__all__ = ["prepare", "refuse_embedded"]

#: First opset whose ``DequantizeLinear`` takes a scale per channel.
_PER_CHANNEL_OPSET = 13


def refuse_embedded(metadata: ModelMetadata, source: str) -> None:
    """Refuse a graph that holds more than a network.

    Raises
    ------
    ModelError
        Positions and pixels in 8 bits, or scores ready to be read, would be wrong.
    """
    embedded = isinstance(metadata.input, ImageInput) and metadata.input.embedded
    if embedded or metadata.output.decoded is not None:
        raise ModelError(
            f"{source} has {'preprocessing' if embedded else 'decoding'} embedded, which must not "
            "be quantized",
            hint="quantize the file without, then `edgecnn export FILE.int8.onnx` with the option",
        )


def prepare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let ONNX Runtime fold what can be folded, and infer every shape.

    A batch normalisation behind a convolution becomes part of its weights, a matrix product with a
    sum becomes one ``Gemm``: quantizing them apart would cost accuracy and time. Tensors without a
    known type are not quantized at all. A file of an opset below 13 is brought up to it.

    Raises
    ------
    ModelError
        ONNX Runtime cannot load the graph, it cannot be converted, or shapes cannot be inferred.
    """
    if opset_of(model) < _PER_CHANNEL_OPSET:
        model = _converted(model)
    prepared = name_nodes(optimised(model, basic=True))
    _infer(prepared)
    if use_pooling(prepared):
        _infer(prepared)
    pool_before_norms(prepared)
    norms_as_convolutions(prepared)
    used = {node.domain for node in prepared.graph.node} | {"", "ai.onnx"}
    kept = [entry for entry in prepared.opset_import if entry.domain in used]
    del prepared.opset_import[:]
    prepared.opset_import.extend(kept)
    return prepared


def _infer(model: onnx.ModelProto) -> None:
    try:
        infer_shapes(model)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(
            f"shapes cannot be inferred: {' '.join(str(error).split())[:200]}"
        ) from error


def _converted(model: onnx.ModelProto) -> onnx.ModelProto:
    """Bring an old file up to the first opset that can be quantized per channel."""
    try:
        converted: onnx.ModelProto = onnx.version_converter.convert_version(
            model, _PER_CHANNEL_OPSET
        )
    except (RuntimeError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"opset {opset_of(model)} cannot be quantized per channel, nor converted to "
            f"{_PER_CHANNEL_OPSET}: {' '.join(str(error).split())[-160:]}",
            hint="export the network at a newer opset",
        ) from error
    return converted
