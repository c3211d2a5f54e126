"""Nodes and weights of an ``.onnx`` file, read without the ``onnx`` package."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

from edgecnn.errors import MissingFileError, NotAModelError
from edgecnn.runtime.protobuf import Value, fields, message, numbers, text

__all__ = [
    "External",
    "GraphFile",
    "Node",
    "Weight",
    "check_external",
    "parse_graph",
    "parse_node",
    "read_graph",
]

# Field numbers of onnx.proto.
_MODEL = {"ir_version": 1, "producer": 2, "graph": 7, "opset": 8}
_GRAPH = {"node": 1, "initializer": 5, "input": 11, "output": 12}
_NODE = {"input": 1, "output": 2, "name": 3, "op": 4, "attribute": 5, "domain": 7}
_ATTRIBUTE = {"name": 1, "i": 3, "s": 4, "t": 5, "g": 6, "ints": 8, "graphs": 11}
_TENSOR = {"dims": 1, "type": 2, "name": 8, "external": 13, "location": 14}

#: TensorProto.DataType by number: name, and bits of an element.
_TYPES: dict[int, tuple[str, int]] = {
    1: ("float", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16),
    6: ("int32", 32), 7: ("int64", 64), 8: ("string", 0), 9: ("bool", 8), 10: ("float16", 16),
    11: ("double", 64), 12: ("uint32", 32), 13: ("uint64", 64), 14: ("complex64", 64),
    15: ("complex128", 128), 16: ("bfloat16", 16), 17: ("float8e4m3fn", 8),
    18: ("float8e4m3fnuz", 8), 19: ("float8e5m2", 8), 20: ("float8e5m2fnuz", 8), 21: ("uint4", 4),
    22: ("int4", 4), 23: ("float4e2m1", 4),
}  # fmt: skip


@dataclass(frozen=True)
class External:
    """Where a weight lies that is not in the file."""

    location: str
    length: int | None


@dataclass(frozen=True)
class Weight:
    """A constant of the graph."""

    name: str
    type: str
    shape: tuple[int, ...]
    size_bytes: int
    external: External | None = None

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Node:
    """A node of the outermost graph; of its attributes, numbers and texts."""

    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ints: dict[str, tuple[int, ...]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    constants: tuple[Weight, ...] = ()
    captured: tuple[str, ...] = ()

    def number(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        return self.ints[name][0] if self.ints.get(name) else default


@dataclass(frozen=True)
class GraphFile:
    """What a file says of itself, apart from its metadata."""

    ir_version: int | None
    opset: dict[str, int]
    nodes: tuple[Node, ...]
    weights: dict[str, Weight]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def external(self) -> tuple[Weight, ...]:
        """Weights that lie in other files."""
        return tuple(w for w in self.weights.values() if w.external is not None)


def read_graph(file: Path) -> GraphFile:
    """Read a file.

    Raises
    ------
    MissingFileError
        No such file.
    NotAModelError
        It is no ONNX model, or is cut short.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise MissingFileError(f"no such model: {file}") from error
    except OSError as error:
        raise NotAModelError(f"cannot read {file}: {error.strerror}") from error
    try:
        return parse_graph(content)
    except (ValueError, IndexError) as error:
        raise NotAModelError(
            f"{file} is not a readable ONNX model ({error})",
            hint="the file may be cut short: compare its size with the original's",
        ) from error


def check_external(file: Path, graph: GraphFile) -> None:
    """Refuse weights that lie outside of the file's folder, or are not there.

    Raises
    ------
    NotAModelError
    """
    folder = file.resolve().parent
    for weight in graph.external:
        assert weight.external is not None
        location = weight.external.location
        path = (folder / location).resolve()
        if not location or Path(location).is_absolute() or not path.is_relative_to(folder):
            raise NotAModelError(
                f"{file}: weight {weight.name!r} lies outside of the file's folder: {location!r}",
                hint="a model must not read other files of this machine: put its data beside it",
            )
        if not path.is_file():
            raise NotAModelError(
                f"{file}: weight {weight.name!r} lies in {location!r}, which is not there",
                hint=f"copy it to {folder} as well",
            )


def with_outputs(content: bytes, names: list[str]) -> bytes:
    """Return a model that gives these tensors too.

    Messages that follow each other are merged when they are read, so a second graph that holds
    nothing but outputs adds them to the first.
    """
    outputs = b"".join(message(_GRAPH["output"], message(1, name.encode())) for name in names)
    return content + message(_MODEL["graph"], outputs)


def parse_graph(content: bytes | memoryview) -> GraphFile:
    """Read a model's bytes.

    Raises
    ------
    ValueError
        It is no ONNX model, or is cut short.
    """
    ir_version: int | None = None
    opset: dict[str, int] = {}
    graphs: list[memoryview] = []
    for number, value in fields(content):
        if number == _MODEL["ir_version"] and isinstance(value, int):
            ir_version = value
        elif number == _MODEL["opset"] and isinstance(value, memoryview):
            entry = dict(fields(value))
            version = entry.get(2)
            if isinstance(version, int):
                opset[text(entry.get(1))] = version
        elif number == _MODEL["graph"] and isinstance(value, memoryview):
            graphs.append(value)
    nodes: list[Node] = []
    weights: dict[str, Weight] = {}
    ends: dict[str, list[str]] = {"input": [], "output": []}
    for graph in graphs:
        for number, value in fields(graph):
            if not isinstance(value, memoryview):
                continue
            if number == _GRAPH["node"]:
                nodes.append(parse_node(value))
            elif number == _GRAPH["initializer"]:
                weight = _weight(value)
                weights[weight.name] = weight
            elif number in (_GRAPH["input"], _GRAPH["output"]):
                kind = "input" if number == _GRAPH["input"] else "output"
                ends[kind].append(text(dict(fields(value)).get(1)))
    inputs = tuple(name for name in ends["input"] if name not in weights)
    return GraphFile(ir_version, opset, tuple(nodes), weights, inputs, tuple(ends["output"]))


def _grouped(content: memoryview) -> dict[int, list[Value]]:
    found: dict[int, list[Value]] = {}
    for number, value in fields(content):
        found.setdefault(number, []).append(value)
    return found


def parse_node(content: memoryview) -> Node:
    """Read the bytes of one node; raises as :func:`parse_graph`."""
    parts = _grouped(content)
    ints: dict[str, tuple[int, ...]] = {}
    texts: dict[str, str] = {}
    constants: list[Weight] = []
    captured: list[str] = []
    for value in parts.get(_NODE["attribute"], []):
        assert isinstance(value, memoryview)
        entry = _grouped(value)
        name = text(_last(entry, _ATTRIBUTE["name"]))
        if whole := numbers(entry.get(_ATTRIBUTE["ints"], [])):
            ints[name] = tuple(whole)
        elif _ATTRIBUTE["i"] in entry:
            ints[name] = tuple(numbers(entry[_ATTRIBUTE["i"]][-1:]))
        elif _ATTRIBUTE["s"] in entry:
            texts[name] = text(_last(entry, _ATTRIBUTE["s"]))
        for tensor in entry.get(_ATTRIBUTE["t"], []):
            if isinstance(tensor, memoryview):
                constants.append(_weight(tensor))
        for graph in (*entry.get(_ATTRIBUTE["g"], []), *entry.get(_ATTRIBUTE["graphs"], [])):
            if isinstance(graph, memoryview):
                captured += _read_inside(graph)
    return Node(
        name=text(_last(parts, _NODE["name"])),
        operator=text(_last(parts, _NODE["op"])),
        domain=text(_last(parts, _NODE["domain"])),
        inputs=tuple(map(text, parts.get(_NODE["input"], []))),
        outputs=tuple(map(text, parts.get(_NODE["output"], []))),
        ints=ints,
        texts=texts,
        constants=tuple(constants),
        captured=tuple(dict.fromkeys(captured)),
    )


def _read_inside(graph: memoryview) -> list[str]:
    """Return what the nodes of a graph inside a node read; its own tensors among it."""
    names: list[str] = []
    for number, value in fields(graph):
        if number == _GRAPH["node"] and isinstance(value, memoryview):
            node = parse_node(value)
            names += [*node.inputs, *node.captured]
    return names


def _weight(content: memoryview) -> Weight:
    parts = _grouped(content)
    shape = tuple(numbers(parts.get(_TENSOR["dims"], [])))
    number = _last(parts, _TENSOR["type"])
    kind, bits = _TYPES.get(number if isinstance(number, int) else 0, ("?", 0))
    entries = {
        text(pair.get(1)): text(pair.get(2))
        for value in parts.get(_TENSOR["external"], [])
        if isinstance(value, memoryview) and (pair := dict(fields(value)))
    }
    outside = _last(parts, _TENSOR["location"]) == 1
    length = entries.get("length", "")
    return Weight(
        name=text(_last(parts, _TENSOR["name"])),
        type=kind,
        shape=shape,
        size_bytes=-(-math.prod(shape) * bits // 8),
        external=External(entries.get("location", ""), int(length) if length.isdigit() else None)
        if outside
        else None,
    )


def _last(parts: dict[int, list[Value]], number: int) -> Value | None:
    return parts[number][-1] if number in parts else None
