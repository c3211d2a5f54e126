"""Take back the shift that rounding gives to the mean of every channel.

After Nagel et al. 2019 (arXiv:1906.04721), section 4.2: a channel's few weights are rounded up or
down for good, so its output is off by the same amount whatever the input. That amount is measured
on the calibration data and taken from the bias, where it costs nothing at run time. Measured is
each layer by itself, its input as in FP32 but rounded and clipped, so what clipping costs is in it
too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgecnn.calibration.sessions import session_of
from edgecnn.export.layers import Network
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["bias_corrections", "with_bias"]

_CORRECTED = frozenset({"Conv", "Gemm"})


def bias_corrections(
    prepared: onnx.ModelProto, quantized: onnx.ModelProto, batches: Iterable[Tensors]
) -> dict[str, NDArray[np.float32]]:
    """Measure how far the mean of each layer's output is off, by channel.

    Parameters
    ----------
    prepared : onnx.ModelProto
        In FP32.
    quantized : onnx.ModelProto
        Made of it by :func:`edgecnn.calibration.qdq.insert_qdq`: its weights and its input scales
        are taken.
    batches : iterable of mapping of str to ndarray
        Calibration data. What is held at a time is the activations of one batch.

    Returns
    -------
    dict of str to ndarray of float32, shape (channels,)
        By the layer's name what its bias is to be raised by. Layers that are not quantized, or
        that have no bias of their own, are left out.
    """
    measured, names = _instrumented(prepared, quantized)
    if not names:
        return {}
    session = session_of(measured)
    outputs = [f"edgecnn_{number}_shift" for number in range(len(names))]
    totals: list[NDArray[np.float64]] | None = None
    seen = 0
    for batch in batches:
        shifts = [
            x.reshape(x.shape[0], -1).astype(np.float64).sum(axis=0)
            for x in session.run(outputs, dict(batch))
        ]
        totals = (
            shifts
            if totals is None
            else [total + shift for total, shift in zip(totals, shifts, strict=True)]
        )
        seen += len(next(iter(batch.values())))
    if totals is None:
        return {}
    return {
        name: (-total / seen).astype(np.float32)
        for name, total in zip(names, totals, strict=True)
        if np.isfinite(total).all()
    }


def with_bias(
    model: onnx.ModelProto, corrections: Mapping[str, NDArray[np.float32]]
) -> onnx.ModelProto:
    """Return a copy of a graph whose layers' biases are raised.

    Parameters
    ----------
    corrections : mapping of str to ndarray
        By the name of a ``Conv`` or ``Gemm``; a bias that several layers share is copied first.
    """
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    constants = {tensor.name: tensor for tensor in copied.graph.initializer}
    for node in copied.graph.node:
        shift = corrections.get(node.name)
        if shift is None or node.op_type not in _CORRECTED:
            continue
        bias = numpy_helper.to_array(constants[node.input[2]])
        name = f"{node.name}_corrected_bias"
        copied.graph.initializer.append(
            numpy_helper.from_array((bias + shift.astype(bias.dtype)).astype(bias.dtype), name)
        )
        node.input[2] = name
    used = {name for node in copied.graph.node for name in node.input}
    for tensor in [tensor for tensor in copied.graph.initializer if tensor.name not in used]:
        copied.graph.initializer.remove(tensor)
    return copied


def _instrumented(
    prepared: onnx.ModelProto, quantized: onnx.ModelProto
) -> tuple[onnx.ModelProto, list[str]]:
    """Run every quantized layer twice on the same FP32 input, and give the mean difference."""
    model = onnx.ModelProto()
    model.CopyFrom(prepared)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in prepared.graph.initializer}
    network = Network(quantized)
    layers = {node.name: node for node in quantized.graph.node}
    makers = {name: node for node in quantized.graph.node for name in node.output}
    scales = {tensor.name: tensor for tensor in quantized.graph.initializer}
    names: list[str] = []
    for node in prepared.graph.node:
        twin = layers.get(node.name)
        if twin is None or node.op_type not in _CORRECTED or not _has_bias(node, constants):
            continue
        before = makers.get(twin.input[0])
        weights = network.constant(twin.input[1])
        if before is None or before.op_type != "DequantizeLinear" or weights is None:
            continue
        if twin.input[1] in scales:
            continue  # its weights are FP32
        stem = f"edgecnn_{len(names)}"
        for what, tensor in (("scale", before.input[1]), ("zero", before.input[2])):
            graph.initializer.append(
                numpy_helper.from_array(numpy_helper.to_array(scales[tensor]), f"{stem}_{what}")
            )
        graph.initializer.append(
            numpy_helper.from_array(weights.astype(np.float32), f"{stem}_weights")
        )
        rounded = onnx.NodeProto()
        rounded.CopyFrom(node)
        rounded.name = f"{stem}_layer"
        rounded.input[0], rounded.input[1] = f"{stem}_input", f"{stem}_weights"
        rounded.output[0] = f"{stem}_output"
        pair = [f"{stem}_scale", f"{stem}_zero"]
        graph.node.extend(
            [
                helper.make_node("QuantizeLinear", [node.input[0], *pair], [f"{stem}_bytes"]),
                helper.make_node("DequantizeLinear", [f"{stem}_bytes", *pair], [f"{stem}_input"]),
                rounded,
                helper.make_node("Sub", [f"{stem}_output", node.output[0]], [f"{stem}_difference"]),
                # (N, C, ...): the mean over places here, that over examples outside.
                helper.make_node(
                    "Identity" if node.op_type == "Gemm" else "GlobalAveragePool",
                    [f"{stem}_difference"],
                    [f"{stem}_shift"],
                ),
            ]
        )
        names.append(node.name)
        graph.output.append(onnx.ValueInfoProto(name=f"{stem}_shift"))
    return model, names


def _has_bias(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    return (
        len(node.input) > 2
        and node.input[2] in constants
        and len(constants[node.input[2]].dims) == 1
    )
