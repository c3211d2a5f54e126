"""Put a contract's preprocessing into the graph: a frame in, nothing to be done before."""

from __future__ import annotations

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper

from edgecnn.errors import ModelError, TaskError
from edgecnn.export.fit_nodes import Axis, fit_axes
from edgecnn.export.nodes import Nodes
from edgecnn.export.opset import at_least
from edgecnn.export.resize_nodes import resize_rows
from edgecnn.metadata import ImageInput, ModelMetadata

__all__ = ["FRAME", "embed_preprocessing"]

#: Name of the input that takes frames.
FRAME = "frame"

#: First opset with every operator that is written here.
_OPSET = 11


def embed_preprocessing(
    model: onnx.ModelProto, metadata: ModelMetadata
) -> tuple[onnx.ModelProto, ModelMetadata]:
    """Let a graph take frames as cameras give them: uint8 BGR ``(N, H, W, 3)``, of any size.

    Resizing (averaging areas where an axis shrinks, bilinear where it grows), cutting or padding,
    order of colours, normalisation and layout become nodes before the network. They give the
    pixels of :func:`edgecnn.preprocessing.image.image_tensor` but for rounding: 1 grey level here
    and there.

    Parameters
    ----------
    model : onnx.ModelProto
        A network of pictures; it is not changed.
    metadata : ModelMetadata
        Its contract.

    Returns
    -------
    model : onnx.ModelProto
    metadata : ModelMetadata
        The contract of that graph: ``input.embedded`` is set.

    Raises
    ------
    TaskError
        A network of something else, or one that prepares its frames already.
    ModelError
        A graph of an opset that cannot be brought up to 11.
    """
    spec = metadata.input
    if not isinstance(spec, ImageInput):
        raise TaskError(f"{metadata.name} reads no pictures: there is nothing to embed")
    if spec.embedded or metadata.output.decoded is not None:
        raise TaskError(
            f"{metadata.name} has preprocessing or decoding embedded already",
            hint="start from the file without, and ask for both at once",
        )
    embedded = at_least(model, _OPSET)
    graph = embedded.graph
    value = next((v for v in graph.input if v.name == spec.name), None)
    if value is None:
        raise ModelError(f"the graph has no input {spec.name!r}, which its contract names")
    if FRAME in _names(graph):
        raise ModelError(f"a tensor of the graph is called {FRAME!r} already")
    nodes = Nodes("prepare")
    prepared = _prepared(nodes, spec)
    kind = value.type.tensor_type.elem_type
    nodes.cast(prepared, kind, output=spec.name)
    batch = value.type.tensor_type.shape.dim[0]
    frame = helper.make_tensor_value_info(
        FRAME,
        TensorProto.UINT8,
        [batch.dim_value or batch.dim_param or "batch", "height", "width", 3],
    )
    others = [v for v in graph.input if v.name != spec.name]
    copies = [onnx.ValueInfoProto.FromString(v.SerializeToString()) for v in others]
    del graph.input[:]
    graph.input.extend([frame, *copies])
    nodes.put_before(graph)
    contract = msgspec.structs.replace(
        metadata, input=msgspec.structs.replace(spec, name=FRAME, embedded=True)
    )
    return embedded, contract


def _prepared(nodes: Nodes, spec: ImageInput) -> str:
    """Write everything from the frame to normalised numbers in the network's layout."""
    unchanged = spec.resize == "none"
    pixels = nodes.cast(FRAME, TensorProto.FLOAT) if unchanged else _fitted(nodes, spec)
    if spec.colour == "gray":
        # ITU-R BT.601 on pixels in BGR, in the fixed point that OpenCV computes it in.
        luma = nodes.constant(np.array([[1868], [9617], [4899]]) / 2**14, np.float32)
        pixels = nodes.add("Round", nodes.add("MatMul", pixels, luma))
    elif spec.colour == "rgb":
        pixels = nodes.add("Gather", pixels, nodes.ints(2, 1, 0), axis=3)
    if spec.scale != 1:
        pixels = nodes.add("Mul", pixels, nodes.constant(spec.scale, np.float32))
    if any(spec.mean):
        pixels = nodes.add("Sub", pixels, nodes.constant(spec.mean, np.float32))
    if any(std != 1 for std in spec.std):
        pixels = nodes.add("Div", pixels, nodes.constant(spec.std, np.float32))
    if spec.layout == "NCHW":
        pixels = nodes.add("Transpose", pixels, perm=[0, 3, 1, 2])
    return pixels


def _fitted(nodes: Nodes, spec: ImageInput) -> str:
    """Resize, cut or pad: shape (N, height, width, 3), whole grey levels as float32."""
    shape = nodes.add("Shape", FRAME)
    rows, columns = fit_axes(nodes, shape, spec)
    frame = FRAME
    if spec.resize == "crop":
        # Columns that are cut away need not be averaged over rows.
        end = nodes.add("Add", columns.start, columns.length)
        frame = nodes.add("Slice", FRAME, columns.start, end, nodes.ints(2))
        columns = Axis(nodes.ints(0), columns.length, columns.offset, columns.size)
    three = nodes.ints(3)
    lower = resize_rows(nodes, frame, rows, nodes.add("Concat", columns.length, three, axis=0))
    turned = nodes.add("Transpose", lower, perm=[0, 2, 1, 3])
    inner = nodes.add("Concat", rows.size, three, axis=0)
    turned = resize_rows(nodes, turned, columns, inner)
    pixels = nodes.add("Round", nodes.add("Transpose", turned, perm=[0, 2, 1, 3]))
    if spec.resize == "letterbox":
        pixels = _padded(nodes, pixels, rows, columns, spec)
    # Says the size once more, as a constant: shape inference cannot follow what is above.
    return nodes.add("Reshape", pixels, nodes.ints(0, spec.height, spec.width, 3))


def _padded(nodes: Nodes, pixels: str, rows: Axis, columns: Axis, spec: ImageInput) -> str:
    zero = nodes.ints(0)
    ends = [
        nodes.add("Sub", nodes.add("Sub", nodes.ints(side), axis.offset), axis.size)
        for side, axis in ((spec.height, rows), (spec.width, columns))
    ]
    pads = nodes.add("Concat", zero, rows.offset, columns.offset, zero, zero, *ends, zero, axis=0)
    return nodes.add("Pad", pixels, pads, nodes.constant(spec.pad_value, np.float32))


def _names(graph: onnx.GraphProto) -> set[str]:
    return {n for node in graph.node for n in (*node.input, *node.output)} | {
        v.name for v in graph.input
    }
