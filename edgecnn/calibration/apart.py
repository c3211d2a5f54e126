"""Graphs without their weights, which are as large as the network and rarely looked at.

A file that holds its weights is parsed whole by ONNX Runtime before they are copied to where they
are used, and what it writes is put together in memory first; ``onnx.shape_inference`` takes a graph
to pieces and back twice. Each is several times the size of the network at its peak.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx

from edgecnn.export.embed import serialized

__all__ = ["WEIGHTS", "infer_shapes", "write_apart"]

#: The file of the weights, beside the graph's: ONNX Runtime maps it.
WEIGHTS = "weights.bin"

#: Smaller ones stay in the graph: shapes and axes are read while it is built.
LEAST_BYTES = 4096

#: Where a weight begins in the file; maps begin at whole pages.
_PAGE = 4096


def write_apart(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph, and its weights to :data:`WEIGHTS` in the same folder.

    Raises
    ------
    OSError
    """
    with Path(path.parent, WEIGHTS).open("wb") as weights:
        for tensor, offset in _placed(model):
            weights.seek(offset)
            weights.write(tensor.raw_data)
    path.write_bytes(serialized(_light(model)))


def infer_shapes(model: onnx.ModelProto) -> None:
    """Infer the type and shape of every tensor, in place.

    Raises
    ------
    onnx.shape_inference.InferenceError
    """
    inferred = onnx.shape_inference.infer_shapes(_light(model), strict_mode=True, data_prop=True)
    for field in ("value_info", "output"):
        model.graph.ClearField(field)
        getattr(model.graph, field).extend(getattr(inferred.graph, field))


def _placed(model: onnx.ModelProto) -> Iterator[tuple[onnx.TensorProto, int]]:
    """Yield the large weights, and where each begins in the file."""
    offset = 0
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) >= LEAST_BYTES:
            yield tensor, offset
            offset += len(tensor.raw_data) + -len(tensor.raw_data) % _PAGE


def _light(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose large weights are said to lie in the file."""
    graph = model.graph
    places = {tensor.name: offset for tensor, offset in _placed(model)}
    return onnx.ModelProto(
        ir_version=model.ir_version,
        opset_import=model.opset_import,
        functions=model.functions,
        graph=onnx.GraphProto(
            name=graph.name,
            node=graph.node,
            input=graph.input,
            output=graph.output,
            value_info=graph.value_info,
            sparse_initializer=graph.sparse_initializer,
            initializer=[
                _elsewhere(tensor, places[tensor.name]) if tensor.name in places else tensor
                for tensor in graph.initializer
            ],
        ),
    )


def _elsewhere(tensor: onnx.TensorProto, offset: int) -> onnx.TensorProto:
    entries = {"location": WEIGHTS, "offset": str(offset), "length": str(len(tensor.raw_data))}
    return onnx.TensorProto(
        name=tensor.name,
        dims=tensor.dims,
        data_type=tensor.data_type,
        data_location=onnx.TensorProto.EXTERNAL,
        external_data=[
            onnx.StringStringEntryProto(key=key, value=value) for key, value in entries.items()
        ],
    )
