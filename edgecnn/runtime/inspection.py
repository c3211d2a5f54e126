"""What a model file holds: its contract as stored, and its graph as ONNX Runtime places it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import Any

from edgecnn.bundled import resolve_model
from edgecnn.errors import MetadataError
from edgecnn.files import sha256_of
from edgecnn.metadata import (
    BASELINE_KEY,
    CONTRACT_KEY,
    GOLDEN_KEY,
    MEASURED_KEY,
    Baseline,
    Golden,
    Measured,
    ModelMetadata,
    decode_baseline,
    from_properties,
)
from edgecnn.runtime.compatibility import oldest_runtime
from edgecnn.runtime.graph_file import Weight, read_graph
from edgecnn.runtime.layer_costs import GraphCosts, graph_costs
from edgecnn.runtime.providers import short_name
from edgecnn.runtime.session import open_session
from edgecnn.runtime.tensor_shapes import tensor_extents

__all__ = ["GraphSummary", "Inspection", "Tensor", "inspect_model"]

_OURS = (CONTRACT_KEY, GOLDEN_KEY, MEASURED_KEY, BASELINE_KEY)


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
    metadata, golden, measured, baseline
        The documents as stored; None where the file has none, or none that holds.
    graph : GraphSummary
    other_keys : tuple of str
        Metadata keys of other tools.
    remarks : tuple of str
        What a reader should know: no contract, or a broken one.
    costs : GraphCosts
        Parameters, multiply-adds, memory, node by node.
    oldest_runtime : str or None
        The oldest ONNX Runtime that reads this IR version and opset; None where the published
        table ends before.
    external : tuple of Weight
        Weights that lie in other files.
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
    costs: GraphCosts
    oldest_runtime: str | None
    external: tuple[Weight, ...]
    baseline: Baseline | None = None


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
    content = read_graph(file)
    description = session.get_modelmeta()
    properties = description.custom_metadata_map
    metadata: ModelMetadata | None = None
    golden: Golden | None = None
    measured: Measured | None = None
    baseline: Baseline | None = None
    remarks: tuple[str, ...] = ()
    try:
        metadata, golden, measured = from_properties(properties, str(file))
        if BASELINE_KEY in properties:
            baseline = decode_baseline(properties[BASELINE_KEY])
    except MetadataError as error:
        remarks = (error.message,)
    known = metadata.input.tensors if metadata is not None else {}
    extents, problem = tensor_extents(file, content, known)
    if problem:
        remarks += (f"shapes, multiply-adds and memory are not known: {problem}",)
    graph = GraphSummary(
        producer=description.producer_name,
        ir_version=content.ir_version,
        opset=content.opset,
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
        costs=graph_costs(content, extents),
        oldest_runtime=oldest_runtime(content.ir_version, content.opset),
        external=content.external,
        baseline=baseline,
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
