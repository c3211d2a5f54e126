"""What a model file holds: its contract as stored, and its graph as ONNX Runtime places it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecnn.bundled import resolve_model
from edgecnn.errors import MetadataError
from edgecnn.files import sha256_of
from edgecnn.metadata import (
    CONTRACT_KEY,
    GOLDEN_KEY,
    MEASURED_KEY,
    Golden,
    Measured,
    ModelMetadata,
    from_properties,
)
from edgecnn.runtime.providers import short_name
from edgecnn.runtime.session import open_session

__all__ = ["GraphSummary", "Inspection", "Tensor", "inspect_model"]

_OURS = (CONTRACT_KEY, GOLDEN_KEY, MEASURED_KEY)

# Field numbers of ModelProto and OperatorSetIdProto in onnx.proto.
_IR_VERSION, _OPSET_IMPORT = 1, 8
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2


@dataclass(frozen=True)
class Tensor:
    """An input or output of the graph; an axis without a fixed length has a name or None."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True)
class GraphSummary:
    """What the network is made of.

    Attributes
    ----------
    producer : str
        The tool that wrote the file, as it states itself.
    ir_version : int or None
    opset : dict
        Version by operator domain; ``""`` is ONNX's own.
    inputs, outputs : tuple of Tensor
    nodes : dict
        Number of nodes by provider and operator, as ONNX Runtime placed them (it may fuse some
        of them afterwards).
    """

    producer: str
    ir_version: int | None
    opset: dict[str, int]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    nodes: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Inspection:
    """All of it.

    Attributes
    ----------
    path : str
    size_bytes : int
    sha256 : str
    metadata, golden, measured
        The documents as stored; None where the file has none, or none that holds.
    graph : GraphSummary
    other_keys : tuple of str
        Metadata keys of other tools.
    remarks : tuple of str
        What a reader should know: no contract, or a broken one.
    """

    path: str
    size_bytes: int
    sha256: str
    metadata: ModelMetadata | None
    golden: Golden | None
    measured: Measured | None
    graph: GraphSummary
    other_keys: tuple[str, ...]
    remarks: tuple[str, ...]


def inspect_model(path: str | os.PathLike[str], *, provider: str = "auto") -> Inspection:
    """Look into an ``.onnx`` file, one of ours or any other.

    Parameters
    ----------
    path : path
        The file, or ``bundled:NAME``.
    provider : str
        Where the nodes are to be placed; see :func:`edgecnn.runtime.session.load_model`.

    Raises
    ------
    MissingFileError, NotAModelError, ProviderError

    Examples
    --------
    >>> inspect_model("bundled:mnist-lenet5").graph.inputs[0].shape[1:]
    (1, 28, 28)
    """
    file = resolve_model(path)
    session, _ = open_session(file, provider=provider)
    description = session.get_modelmeta()
    properties = description.custom_metadata_map
    metadata: ModelMetadata | None = None
    golden: Golden | None = None
    measured: Measured | None = None
    remarks: tuple[str, ...] = ()
    try:
        metadata, golden, measured = from_properties(properties, str(file))
    except MetadataError as error:
        remarks = (error.message,)
    ir_version, opset = _versions(file)
    graph = GraphSummary(
        producer=description.producer_name,
        ir_version=ir_version,
        opset=opset,
        inputs=_tensors(session.get_inputs()),
        outputs=_tensors(session.get_outputs()),
        nodes=_nodes(session),
    )
    return Inspection(
        path=str(file),
        size_bytes=file.stat().st_size,
        sha256=sha256_of(file),
        metadata=metadata,
        golden=golden,
        measured=measured,
        graph=graph,
        other_keys=tuple(sorted(set(properties) - set(_OURS))),
        remarks=remarks,
    )


def _tensors(arguments: list[Any]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(item.name, item.type.removeprefix("tensor(").removesuffix(")"), tuple(item.shape))
        for item in arguments
    )


def _nodes(session: Any) -> dict[str, dict[str, int]]:
    nodes: dict[str, Counter[str]] = {}
    for subgraph in session.get_provider_graph_assignment_info():
        operators = nodes.setdefault(short_name(subgraph.ep_name), Counter())
        operators.update(node.op_type for node in subgraph.get_nodes())
    return {provider: dict(operators.most_common()) for provider, operators in nodes.items()}


def _versions(file: Path) -> tuple[int | None, dict[str, int]]:
    """Read the IR version and the opsets from the file's outermost protobuf message.

    ONNX Runtime does not tell them, and the ``onnx`` package is not on a device.
    """
    ir_version: int | None = None
    opset: dict[str, int] = {}
    for number, value in _fields(file.read_bytes()):
        if number == _IR_VERSION and isinstance(value, int):
            ir_version = value
        elif number == _OPSET_IMPORT and isinstance(value, memoryview):
            entry = dict(_fields(value))
            domain, version = entry.get(_OPSET_DOMAIN), entry.get(_OPSET_VERSION)
            if isinstance(version, int):
                name = bytes(domain).decode() if isinstance(domain, memoryview) else ""
                opset[name] = version
    return ir_version, opset


def _fields(message: bytes | memoryview) -> list[tuple[int, int | memoryview]]:
    """Split a protobuf message into field numbers and values, without going deeper."""
    view = memoryview(message)
    fields: list[tuple[int, int | memoryview]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = view[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(view):
        key = varint()
        number, kind = key >> 3, key & 7
        if kind == 0:
            fields.append((number, varint()))
            continue
        length = varint() if kind == 2 else {1: 8, 5: 4}[kind]
        fields.append((number, view[at : at + length]))
        at += length
    return fields
