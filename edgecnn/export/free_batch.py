"""A batch that is written into a graph: where it is, and how it is taken out of it."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

__all__ = ["baked_at", "free_reshapes"]


def free_reshapes(model: onnx.ModelProto, batch: int) -> None:
    """Let each ``Reshape`` to a constant shape that begins with the batch keep its input's batch.

    Tools that export for one picture write shapes such as ``[1, 85, -1]``. A 0 in its first place
    copies the length of the input. Whether that is the batch indeed is for a comparison at several
    batches to find out.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed in place; its inputs' first axes have the size, or are called ``batch``.
    batch : int
        The size that it was written for.
    """
    graph = model.graph
    constants = _constants(graph)
    lengths = _first_lengths(model)
    for number, node in enumerate(graph.node):
        if node.op_type != "Reshape" or len(node.input) < 2 or node.input[1] not in constants:
            continue
        shape = constants[node.input[1]]
        keeps_zeros = any(a.name == "allowzero" and a.i for a in node.attribute)
        if not len(shape) or shape[0] != batch or keeps_zeros:
            continue
        if lengths.get(node.input[0], batch) not in (batch, "batch"):
            continue  # another axis comes first, as where channels are shuffled
        # Another reshape may read the same constant, and not be one of these.
        name = f"{node.input[1]}_any_batch_{number}"
        graph.initializer.append(numpy_helper.from_array(np.array([0, *shape[1:]]), name))
        node.input[1] = name


def baked_at(model: onnx.ModelProto) -> str | None:
    """Name the first node behind a free batch whose output has a fixed first length.

    Parameters
    ----------
    model : onnx.ModelProto
        Its inputs' first axes are called ``batch``.

    Returns
    -------
    str or None
        ``"Reshape_12 (Reshape)"``; None where shape inference does not tell.
    """
    lengths = _first_lengths(model)
    for node in model.graph.node:
        behind = any(lengths.get(name) == "batch" for name in node.input)
        if behind and any(isinstance(lengths.get(name), int) for name in node.output):
            return f"{node.name or node.output[0]} ({node.op_type})"
    return None


def _constants(graph: onnx.GraphProto) -> dict[str, NDArray[np.int64]]:
    found = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.data_type == onnx.TensorProto.INT64 and len(tensor.dims) == 1
    }
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                value = numpy_helper.to_array(attribute.t)
                if value.dtype == np.int64 and value.ndim == 1:
                    found[node.output[0]] = value
    return found


def _first_lengths(model: onnx.ModelProto) -> dict[str, int | str]:
    """Return the first length of tensors, or the name of it.

    Tensors of one axis are left out: most are shapes, or what those are put together from.
    """
    inferred = onnx.shape_inference.infer_shapes(model).graph
    lengths: dict[str, int | str] = {}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        sizes = value.type.tensor_type.shape.dim
        if len(sizes) > 1 and (length := sizes[0].dim_param or sizes[0].dim_value):
            lengths[value.name] = length
    return lengths
