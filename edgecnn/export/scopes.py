"""Which module of a PyTorch network each node of its graph was traced in.

The exporter writes it into every node's metadata, which are stripped from the file later on.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import onnx

__all__ = ["ModuleCall", "layer_title", "module_calls"]

_SCOPES = "pkg.torch.onnx.name_scopes"
_CLASSES = "pkg.torch.onnx.class_hierarchy"


@dataclass(frozen=True)
class ModuleCall:
    """The nodes of one call of a module.

    Attributes
    ----------
    entering : tuple of str
        Tensors that are computed before it, or given to the graph, and read in it.
    leaving : tuple of str
        Tensors that it computes and that are read after it, or are outputs of the graph.
    """

    entering: tuple[str, ...]
    leaving: tuple[str, ...]


def module_calls(graph: onnx.GraphProto) -> dict[str, list[ModuleCall]]:
    """Return the calls of every module by its path, in the order in which they are computed.

    The network itself has the empty path. A module that left no node (a dropout, a batch
    normalisation that was folded) has no calls.
    """
    runs: dict[str, list[list[onnx.NodeProto]]] = defaultdict(list)
    last: dict[str, int] = {}
    number = 0
    for node in graph.node:
        paths = _paths(node)
        if not paths:
            continue  # sizes and constants are of no module
        for path in paths:
            # Another module's node in between ends a call.
            if last.get(path) == number - 1 and number:
                runs[path][-1].append(node)
            else:
                runs[path].append([node])
            last[path] = number
        number += 1
    readers: dict[str, list[int]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(id(node))
    outputs = {value.name for value in graph.output}
    constants = {tensor.name for tensor in graph.initializer}
    return {
        path: [_call(nodes, readers, outputs, constants) for nodes in calls]
        for path, calls in runs.items()
    }


def layer_title(node: onnx.NodeProto) -> str:
    """Name the layer that a node belongs to: module path and class, or the node itself."""
    paths, classes = _listed(node, _SCOPES)[:-1], _listed(node, _CLASSES)[:-1]
    if paths and classes and not paths[0].startswith("_"):
        name = classes[-1].rpartition(".")[2]
        return f"{paths[-1]} ({name})" if paths[-1] else name
    return f"{node.name or node.output[0]} ({node.op_type})"


def _call(
    nodes: Sequence[onnx.NodeProto],
    readers: dict[str, list[int]],
    outputs: set[str],
    constants: set[str],
) -> ModuleCall:
    inside = {id(node) for node in nodes}
    computed = [name for node in nodes for name in node.output if name]
    own = set(computed)
    entering = dict.fromkeys(
        name
        for node in nodes
        for name in node.input
        if name and name not in own and name not in constants
    )
    leaving = [
        name
        for name in computed
        if name in outputs or any(reader not in inside for reader in readers[name])
    ]
    return ModuleCall(tuple(entering), tuple(leaving))


def _paths(node: onnx.NodeProto) -> list[str]:
    """Return the paths of the modules around a node, outermost first."""
    paths = _listed(node, _SCOPES)[:-1]
    return [] if paths and paths[0].startswith("_") else paths


def _listed(node: onnx.NodeProto, key: str) -> list[str]:
    text = next((entry.value for entry in node.metadata_props if entry.key == key), "[]")
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return []
    return [str(part) for part in value] if isinstance(value, list) else []
