"""Weights of deep 8-bit convolutions moved by one, so that a processor's tile unit takes them.

On x86, ONNX Runtime adds up a convolution whose weights are symmetric (zero point 0) by kernels of
its own, which use VNNI. Any other becomes a matrix product, and for these it uses AMX where the
processor has it: eight times as many products at once. To lay out the matrix costs time too, so it
is faster where the sums are long. There, as a file is opened on such a processor, the weights and
their zero points are made less by 1: the differences of the two, and so the sums, are what they
were, to the last bit. The file stays as it is, for other processors and for every tool.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgecnn.runtime.graph_file import GraphFile, Node, parse_graph
from edgecnn.runtime.machine import describe_machine
from edgecnn.runtime.protobuf import fields, message, number_field, numbers, parts, text

__all__ = ["has_tiles", "read_tile_weights", "tile_weights"]

#: Larger files are opened as they are: the copy would take more than it gives.
_MOST_BYTES = 1 << 28
#: Products in a sum from which on it was faster, by measurement: of a kernel of one place, whose
#: input is the matrix already, and of others.
_DEEP_POINTWISE, _DEEP = 320, 1024

# Field numbers of onnx.proto, and a type of tensors.
_GRAPH, _NODE, _WEIGHT = 7, 1, 5
_INPUT = 1
_DIMS, _TYPE, _INTS, _NAME, _RAW = 1, 2, 5, 8, 9
_INT8 = 3
_SUFFIX = "/edgecnn.tiles"


def has_tiles() -> bool:
    """Say whether this machine's processor multiplies 8-bit tiles."""
    return "amx_int8" in describe_machine().int8


def read_tile_weights(file: Path) -> bytes | None:
    """Read a file as :func:`tile_weights` has it; None for one that is to be opened as it is."""
    try:
        if not 0 < file.stat().st_size <= _MOST_BYTES or not has_tiles():
            return None
        with file.open("rb") as opened:
            content = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
            return tile_weights(content) if _is_quantized(content) else None
    except (OSError, ValueError, IndexError):
        # What is wrong with a file, ONNX Runtime says.
        return None


def tile_weights(content: bytes | memoryview) -> bytes | None:
    """Return a model whose deep convolutions have a zero point of -1; None if it has none.

    Only what is certain to stay the same is changed: weights of 8 bits in the file, with a sign and
    zero points of 0, from -127 on, that one convolution alone reads, beside unsigned activations.

    Raises
    ------
    ValueError
        It is no ONNX model, or is cut short.
    """
    graph = parse_graph(content)
    tensors = dict(_tensors(content))
    moved: dict[str, bytes] = {}
    given: dict[str, tuple[str, str]] = {}
    for name, node in _deep_weights(graph):
        raw, zero = _raw(tensors[node.inputs[0]]), node.inputs[2:3]
        if raw is None or (zero and not _is_zero(tensors[zero[0]])):
            continue
        steps = np.frombuffer(raw, dtype=np.int8)
        if steps.size and steps.min() > -128:
            moved[node.inputs[0]] = (steps - np.int8(1)).tobytes()
            given[name] = (node.inputs[0] + _SUFFIX, node.inputs[1])
    if not moved:
        return None
    return b"".join(_rewritten(content, graph, moved, given))


def _deep_weights(graph: GraphFile) -> Iterator[tuple[str, Node]]:
    """Yield what a deep convolution reads its weights from, and the node that gives it."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    readers: dict[str, int] = {}
    for node in graph.nodes:
        for name in (*node.inputs, *node.captured):
            readers[name] = readers.get(name, 0) + 1
    for node in graph.nodes:
        if node.operator != "Conv" or node.domain not in ("", "ai.onnx"):
            continue
        if node.number("group", 1) != 1:
            continue
        data, kernel = (makers.get(name) for name in node.inputs[:2])
        if not (data and kernel and _is_from(graph, data, "uint8") and _is_from(graph, kernel)):
            continue
        weight = graph.weights.get(kernel.inputs[0])
        if weight is None or weight.type != "int8" or weight.external is not None:
            continue
        places = math.prod(weight.shape[2:])
        deep = weight.count // max(1, weight.shape[0])
        alone = readers[kernel.inputs[0]] == 1 and readers[node.inputs[1]] == 1
        if alone and deep >= (_DEEP_POINTWISE if places == 1 else _DEEP):
            yield node.inputs[1], kernel


def _is_from(graph: GraphFile, node: Node, zero_type: str = "int8") -> bool:
    """Whether a node gives back numbers that were rounded to a type, with a scale of the file."""
    if node.operator != "DequantizeLinear" or node.inputs[1] not in graph.weights:
        return False
    zero = graph.weights.get(node.inputs[2]) if len(node.inputs) > 2 else None
    # Without a zero point the type is not told here; of weights it is that of the weights.
    return zero.type == zero_type if zero is not None else zero_type == "int8"


def _tensors(content: bytes | memoryview) -> Iterator[tuple[str, memoryview]]:
    for number, value in fields(content):
        if number != _GRAPH or not isinstance(value, memoryview):
            continue
        for kind, inside in fields(value):
            if kind == _WEIGHT and isinstance(inside, memoryview):
                yield text(dict(fields(inside)).get(_NAME)), inside


def _raw(tensor: memoryview) -> memoryview | None:
    value = dict(fields(tensor)).get(_RAW)
    return value if isinstance(value, memoryview) else None


def _is_zero(tensor: memoryview) -> bool:
    """Whether a tensor of 8 bits holds nothing but zeros, in either of the ways to write them."""
    found = [value for number, value in fields(tensor) if number in (_INTS, _RAW)]
    raw = _raw(tensor)
    return bool(found) and not any(numbers(found) if raw is None else raw)


def _rewritten(
    content: bytes | memoryview,
    graph: GraphFile,
    moved: dict[str, bytes],
    given: dict[str, tuple[str, str]],
) -> Iterator[bytes | memoryview]:
    for number, value, whole in parts(content):
        if number != _GRAPH or not isinstance(value, memoryview):
            yield whole
            continue
        inside: list[bytes | memoryview] = []
        nodes = iter(graph.nodes)
        for kind, part, written in parts(value):
            if kind == _NODE and isinstance(part, memoryview):
                output = next(nodes).outputs[:1]
                name = output[0] if output else ""
                inside.append(_with_zero(part, given[name][0]) if name in given else written)
            elif kind == _WEIGHT and isinstance(part, memoryview):
                name = text(dict(fields(part)).get(_NAME))
                inside.append(_with_steps(part, moved[name]) if name in moved else written)
            else:
                inside.append(written)
        for name, scale in given.values():
            inside.append(_zeros(name, graph.weights[scale].shape))
        yield message(_GRAPH, b"".join(inside))


def _with_zero(node: memoryview, zero: str) -> bytes:
    """Give a node a third input."""
    inputs = [whole for number, _, whole in parts(node) if number == _INPUT][:2]
    rest = [whole for number, _, whole in parts(node) if number != _INPUT]
    return message(_NODE, b"".join([*inputs, message(_INPUT, zero.encode()), *rest]))


def _with_steps(tensor: memoryview, steps: bytes) -> bytes:
    rest = b"".join(whole for number, _, whole in parts(tensor) if number != _RAW)
    return message(_WEIGHT, rest + message(_RAW, steps))


def _zeros(name: str, shape: tuple[int, ...]) -> bytes:
    """Return a tensor of -1."""
    dims = b"".join(number_field(_DIMS, size) for size in shape)
    values = b"\xff" * math.prod(shape)
    return message(
        _WEIGHT,
        dims + number_field(_TYPE, _INT8) + message(_NAME, name.encode()) + message(_RAW, values),
    )


def _is_quantized(content: memoryview) -> bool:
    """Whether any of a model's nodes gives back what was rounded."""
    for number, value in fields(content):
        if number != _GRAPH or not isinstance(value, memoryview):
            continue
        for kind, inside in fields(value):
            if kind == _NODE and isinstance(inside, memoryview):
                if b"DequantizeLinear" in bytes(inside):
                    return True
            elif kind == _WEIGHT:
                break
    return False
