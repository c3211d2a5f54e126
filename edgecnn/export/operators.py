"""Operators that a file may use: ONNX's own at its opset, and ONNX Runtime's."""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from edgecnn.errors import ModelError
from edgecnn.export.opset import opset_of

__all__ = ["check_operators"]

_STANDARD = ("", "ai.onnx")
#: Domains whose operators ONNX Runtime brings itself; it says which it lacks.
_RUNTIMES = ("ai.onnx.ml", "com.microsoft", "com.ms.internal.nhwc", "com.microsoft.nchwc")


def check_operators(model: onnx.ModelProto, source: str) -> None:
    """Refuse an operator that nothing here knows, with the node that needs it.

    Raises
    ------
    ModelError
        An operator of another tool's domain, or one that the file's opset does not have.
    """
    own = {(function.domain, function.name) for function in model.functions}
    version = opset_of(model)
    for node in _nodes(model.graph):
        if (node.domain, node.op_type) in own or node.domain in _RUNTIMES:
            continue
        where = f"node {node.name or node.output[0]}"
        if node.domain not in _STANDARD:
            raise ModelError(
                f"{source}: {where} needs the operator {node.domain}:{node.op_type}, which is "
                "neither ONNX's nor ONNX Runtime's",
                hint="export it from its framework without custom operators",
            )
        if not onnx.defs.has(node.op_type) or not _exists(node.op_type, version):
            raise ModelError(
                f"{source}: {where} needs the operator {node.op_type}, which opset {version} "
                "does not have",
                hint="the file states another opset than it was written for",
            )


def _exists(operator: str, version: int) -> bool:
    try:
        onnx.defs.get_schema(operator, version, "")
    except onnx.defs.SchemaError:
        return False
    return True


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield a graph's nodes, and those of the graphs inside of them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)
            for nested in attribute.graphs:
                yield from _nodes(nested)
