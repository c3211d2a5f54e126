"""Put the decoding of a network's output into the graph: answers out, nothing to be done behind."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper

from edgecnn.errors import ModelError, TaskError
from edgecnn.export.box_nodes import BOX_NODES, Head
from edgecnn.export.fit_nodes import fit_axes
from edgecnn.export.nodes import Nodes
from edgecnn.export.opset import at_least
from edgecnn.metadata import Decoded, ImageInput, ModelMetadata

__all__ = ["embed_decoding"]

_OPSET = 11


def embed_decoding(
    model: onnx.ModelProto, metadata: ModelMetadata, *, top: int = 5
) -> tuple[onnx.ModelProto, ModelMetadata]:
    """Let a graph state its answer beside what the network gives.

    Of a classifier: the best labels with their scores. Of a detector: boxes after thresholds and
    class-wise non-maximum suppression, in pixels of the frame where preprocessing is embedded too.
    Of an image-to-image network: the picture. The names are in the contract's ``output.decoded``.

    The network's own output stays, so golden vectors and comparisons go on as before.

    Parameters
    ----------
    model : onnx.ModelProto
        It is not changed.
    metadata : ModelMetadata
    top : int
        How many labels a classifier lists.

    Raises
    ------
    TaskError
        A network that writes, or one that decodes already.
    ModelError
        Its grid has no fixed size, or its opset is too old.
    """
    if metadata.output.decoded is not None:
        raise TaskError(f"{metadata.name} has decoding embedded already")
    if metadata.task == "generate":
        raise TaskError(
            f"{metadata.name} writes character by character: its answer depends on what was drawn "
            "before, and cannot be in the graph",
            hint="docs/text.md shows the loop",
        )
    decoded = at_least(model, _OPSET)
    shape = _output_shape(decoded, metadata)
    nodes = Nodes("decode")
    output = metadata.output.name
    kind = next(v for v in decoded.graph.output if v.name == output).type.tensor_type.elem_type
    if kind != TensorProto.FLOAT:
        output = nodes.cast(output, TensorProto.FLOAT)
    raw = _Raw(output, shape, _taken(decoded.graph))
    if metadata.task == "classify":
        names, values = _classified(nodes, raw, metadata, top)
    elif metadata.task == "detect":
        names, values = _detected(nodes, raw, metadata)
    else:
        names, values = _painted(nodes, raw, metadata)
    decoded.graph.output.extend(values)
    nodes.put_after(decoded.graph)
    settings = msgspec.structs.replace(metadata.output, decoded=names)
    return decoded, msgspec.structs.replace(metadata, output=settings)


@dataclass(frozen=True)
class _Raw:
    """What the network gives: its name, its shape, and all names that the graph has."""

    name: str
    shape: tuple[int | None, ...]
    taken: set[str]

    @property
    def batch(self) -> int | str:
        return self.shape[0] or "batch"

    def unused(self, wanted: str) -> str:
        """Return a name that the graph does not have yet, and take it."""
        name = wanted
        while name in self.taken:
            name += "_decoded"
        self.taken.add(name)
        return name


def _taken(graph: onnx.GraphProto) -> set[str]:
    taken = {v.name for v in (*graph.output, *graph.input)}
    return taken | {name for node in graph.node for name in (*node.input, *node.output)}


def _output_shape(model: onnx.ModelProto, metadata: ModelMetadata) -> tuple[int | None, ...]:
    name = metadata.output.name
    for graph in (model, onnx.shape_inference.infer_shapes(model)):
        value = next((v for v in graph.graph.output if v.name == name), None)
        if value is None:
            raise ModelError(f"the graph has no output {name!r}, which its contract names")
        sizes = tuple(d.dim_value or None for d in value.type.tensor_type.shape.dim)
        if sizes and None not in sizes[1:]:
            break
    return sizes


def _classified(
    nodes: Nodes, raw: _Raw, metadata: ModelMetadata, top: int
) -> tuple[Decoded, list[onnx.ValueInfoProto]]:
    settings = metadata.output
    scores = raw.name
    if settings.activation == "softmax":
        scores = nodes.add("Softmax", raw.name, axis=1)
    elif settings.activation == "sigmoid":
        scores = nodes.add("Sigmoid", raw.name)
    count = min(top, len(metadata.labels))
    names = Decoded(scores=raw.unused("scores"), labels=raw.unused("labels"), top=count)
    best, label = nodes.add_two("TopK", scores, nodes.ints(count), axis=1)
    nodes.add("Identity", best, output=names.scores)
    if settings.min_score:
        enough = nodes.add("Less", best, nodes.constant(settings.min_score, np.float32))
        nodes.add("Where", enough, nodes.ints(-1), label, output=names.labels)
    else:
        nodes.add("Identity", label, output=names.labels)
    return names, [
        helper.make_tensor_value_info(names.scores, TensorProto.FLOAT, [raw.batch, count]),
        helper.make_tensor_value_info(names.labels, TensorProto.INT64, [raw.batch, count]),
    ]


def _detected(
    nodes: Nodes, raw: _Raw, metadata: ModelMetadata
) -> tuple[Decoded, list[onnx.ValueInfoProto]]:
    settings, spec = metadata.output, metadata.input
    assert isinstance(spec, ImageInput)
    assert settings.boxes is not None
    found = BOX_NODES[settings.boxes.decoder](
        nodes, Head(raw.name, raw.shape, settings, spec, len(metadata.labels))
    )
    # Just below the threshold, as the operator wants more than it and the contract as much.
    least = np.nextafter(np.float32(settings.min_score), np.float32(-1)).clip(0)
    selected = nodes.add(
        "NonMaxSuppression",
        found.boxes,
        found.scores,
        nodes.ints(settings.boxes.limit),
        nodes.constant([settings.boxes.max_overlap], np.float32),
        nodes.constant([least], np.float32),
    )
    # What was selected is put into a table of all, so that the best of each picture can be taken.
    kept = nodes.add("GatherND", found.scores, selected)
    none = nodes.add("Mul", found.scores, nodes.constant(0.0, np.float32))
    table = nodes.add("ScatterND", none, selected, kept)
    flat = nodes.add("Reshape", table, nodes.ints(0, -1))
    count = nodes.add("Gather", nodes.add("Shape", selected), nodes.ints(0))
    most = nodes.constant([settings.boxes.limit], np.float32)
    fewer = nodes.add("Min", nodes.cast(count, TensorProto.FLOAT), most)
    best, number = nodes.add_two("TopK", flat, nodes.cast(fewer, TensorProto.INT64), axis=1)
    per_class = nodes.add("Gather", nodes.add("Shape", found.boxes), nodes.ints(1))
    label = nodes.add("Div", number, per_class)
    box = nodes.add("Sub", number, nodes.add("Mul", label, per_class))
    names = Decoded(
        boxes=raw.unused("boxes"), scores=raw.unused("scores"), labels=raw.unused("labels")
    )
    nodes.add("Identity", best, output=names.scores)
    there = nodes.add("Greater", best, nodes.constant(0.0, np.float32))
    nodes.add("Where", there, label, nodes.ints(-1), output=names.labels)
    column = _column(nodes, box)
    chosen = nodes.add(
        "GatherElements", found.boxes, nodes.add("Concat", *[column] * 4, axis=2), axis=1
    )
    _in_picture(nodes, chosen, spec, names.boxes)
    return names, [
        helper.make_tensor_value_info(names.boxes, TensorProto.FLOAT, [raw.batch, "found", 4]),
        helper.make_tensor_value_info(names.scores, TensorProto.FLOAT, [raw.batch, "found"]),
        helper.make_tensor_value_info(names.labels, TensorProto.INT64, [raw.batch, "found"]),
    ]


def _column(nodes: Nodes, numbers: str) -> str:
    """Give ``(N, k)`` a third axis, in a form that no opset has changed."""
    shape = nodes.add("Concat", nodes.add("Shape", numbers), nodes.ints(1), axis=0)
    return nodes.add("Reshape", numbers, shape)


def _in_picture(nodes: Nodes, boxes: str, spec: ImageInput, output: str) -> None:
    """Move boxes from the tensor into the frame, and cut them at what was looked at of it."""
    if not spec.embedded:
        low = nodes.constant([0, 0, 0, 0], np.float32)
        high = nodes.constant([spec.width, spec.height] * 2, np.float32)
        nodes.add("Max", nodes.add("Min", boxes, high), low, output=output)
        return
    if spec.resize == "none":
        raise ModelError("a detector that resizes no picture has no grid of fixed size")
    rows, columns = fit_axes(nodes, nodes.add("Shape", spec.name), spec)

    def both(*names: str) -> str:
        joined = nodes.add("Concat", *names, *names, axis=0)
        return nodes.cast(joined, TensorProto.DOUBLE)

    start, length = both(columns.start, rows.start), both(columns.length, rows.length)
    offset, size = both(columns.offset, rows.offset), both(columns.size, rows.size)
    exact = nodes.cast(boxes, TensorProto.DOUBLE)
    shares = nodes.add("Mul", nodes.add("Sub", exact, offset), nodes.add("Div", length, size))
    moved = nodes.add("Add", shares, start)
    end = nodes.add("Add", start, length)
    inside = nodes.add("Max", nodes.add("Min", moved, end), start)
    nodes.cast(inside, TensorProto.FLOAT, output=output)


def _painted(
    nodes: Nodes, raw: _Raw, metadata: ModelMetadata
) -> tuple[Decoded, list[onnx.ValueInfoProto]]:
    pixels = metadata.output.pixels
    assert pixels is not None
    levels = nodes.add("Mul", raw.name, nodes.constant(pixels.scale, np.float32))
    levels = nodes.add("Add", levels, nodes.constant(pixels.offset, np.float32))
    levels = nodes.add("Max", nodes.add("Round", levels), nodes.constant(0.0, np.float32))
    levels = nodes.add("Min", levels, nodes.constant(255.0, np.float32))
    if pixels.layout == "NCHW":
        levels = nodes.add("Transpose", levels, perm=[0, 2, 3, 1])
    order = {"gray": (0, 0, 0), "rgb": (2, 1, 0), "bgr": (0, 1, 2)}[pixels.colour]
    levels = nodes.add("Gather", levels, nodes.ints(*order), axis=3)
    names = Decoded(picture=raw.unused("picture"))
    nodes.cast(levels, TensorProto.UINT8, output=names.picture)
    shape = [raw.batch, "picture_height", "picture_width", 3]
    return names, [helper.make_tensor_value_info(names.picture, TensorProto.UINT8, shape)]
