"""Put quantize/dequantize pairs (QDQ) around the operators of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import onnx

from edgecnn.calibration.aligned import align_channels
from edgecnn.calibration.excluded import check_excluded
from edgecnn.calibration.fp32_islands import guard_islands
from edgecnn.calibration.integer_kernels import tabulate_gates
from edgecnn.calibration.observe import hidden_tensors
from edgecnn.calibration.quiet import quiet
from edgecnn.calibration.tensor_values import Range
from edgecnn.calibration.wiring import Wiring, drop_unused
from edgecnn.errors import ModelError

__all__ = ["insert_qdq"]


def insert_qdq(
    model: onnx.ModelProto,
    ranges: Mapping[str, Range],
    *,
    activations: Literal["uint8", "int8"] = "uint8",
    reduce_range: bool = False,
    exclude: Sequence[str] = (),
) -> onnx.ModelProto:
    """Quantize a graph: 8-bit activations by range, signed 8-bit weights per output channel.

    Parameters
    ----------
    model : onnx.ModelProto
        Prepared, with shapes inferred. It is not changed.
    ranges : mapping of str to Range
        Of every activation, but for those that only a ``Relu`` or ``Clip`` reads.
    activations : "uint8" or "int8"
        Unsigned with signed weights is what x86's VNNI multiplies; with both signed (the default
        of ONNX Runtime's tool) half of a ResNet's convolutions stay in FP32 there.
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
        Nothing in the graph can be quantized.
    UsageError
        ``exclude`` names a node that is not there.
    """
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import QuantType, add_infer_metadata
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    check_excluded(model, exclude)
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    # Shapes are inferred: otherwise it writes the whole network to a file to do that again.
    add_infer_metadata(copied)
    found = dict(ranges)
    for name, result in hidden_tensors(model).items():
        if result in found:
            found.setdefault(name, found[result])
    data = {
        name: TensorData(lowest=np.float32(r.low), highest=np.float32(r.high))
        for name, r in found.items()
    }
    with quiet():
        quantizer = QDQQuantizer(
            copied,
            per_channel=True,
            reduce_range=reduce_range,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8 if activations == "uint8" else QuantType.QInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, data),
            nodes_to_quantize=[],
            nodes_to_exclude=list(exclude),
            op_types_to_quantize=sorted({*QDQRegistry, *QLinearOpsRegistry}),
            extra_options={},
        )
        quantizer.quantize_model()
    quantizer.model.topological_sort()
    quantized: onnx.ModelProto = quantizer.model.model
    quantized.ClearField("metadata_props")
    quantized.metadata_props.extend(model.metadata_props)
    if not any(node.op_type == "QuantizeLinear" for node in quantized.graph.node):
        raise ModelError(
            "nothing in this network can be quantized",
            hint="it has neither convolutions nor matrix products",
        )
    _keep_logits_float(quantized)
    tabulate_gates(quantized)
    guard_islands(quantized)
    if activations == "uint8":
        align_channels(quantized)
    return quantized


def _keep_logits_float(model: onnx.ModelProto) -> None:
    """Let a last ``Gemm`` or ``MatMul`` give its sums in FP32.

    The kernels have them in full anyway. Rounded to 256 steps, two close classes become one and
    the same logit, and the answer depends on their order.
    """
    graph = model.graph
    wiring = Wiring.of(graph)
    readers = wiring.readers
    for value in graph.output:
        dequantize = wiring.made_by(value.name, "DequantizeLinear")
        if dequantize is None:
            continue
        quantize = wiring.made_by(dequantize.input[0], "QuantizeLinear")
        if quantize is None:
            continue
        last = wiring.makers.get(quantize.input[0])
        if last is None or last.op_type not in ("Gemm", "MatMul"):
            continue
        if len(readers[last.output[0]]) != 1 or len(readers[dequantize.input[0]]) != 1:
            continue
        if readers[value.name]:
            continue
        last.output[0] = value.name
        graph.node.remove(quantize)
        graph.node.remove(dequantize)
    drop_unused(graph)
