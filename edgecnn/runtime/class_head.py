"""The end of a network that tells by itself where it looks: a global mean, then one dense layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgecnn.runtime.graph_file import GraphFile, Node

__all__ = ["ClassHead", "find_head"]

#: What passes numbers on without mixing them.
_RESHAPING = frozenset(
    {"DequantizeLinear", "Dropout", "Flatten", "Identity", "QuantizeLinear", "Reshape", "Squeeze"}
)
#: What keeps the order of the classes.
_MONOTONE = frozenset({"LogSoftmax", "Sigmoid", "Softmax"})
_MEANS = frozenset({"GlobalAveragePool", "ReduceMean"})


@dataclass(frozen=True)
class ClassHead:
    """Names of the tensors that a class-activation map is made of.

    Attributes
    ----------
    features : str
        What the mean is taken of, ``(N, channels, H, W)``.
    pooled : str
        The mean.
    weights : str
        Of the dense layer; empty where there is none: each map is a class's then.
    transposed : bool
        Whether they are ``(classes, channels)``, not ``(channels, classes)``.
    """

    features: str
    pooled: str
    weights: str = ""
    transposed: bool = False


def find_head(graph: GraphFile, output: str) -> ClassHead | None:
    """Look for such an end before an output, as far as operators and names tell.

    That the mean goes over the whole of each map is for whoever runs it to see.

    Parameters
    ----------
    graph : GraphFile
        In FP32, or quantized.
    output : str
        Name of logits or scores.
    """
    makers = {name: node for node in graph.nodes for name in node.outputs}

    def back(name: str, passing: frozenset[str]) -> Node | None:
        node = makers.get(name)
        while node is not None:
            if node.operator in passing:
                node = makers.get(node.inputs[0])
            elif node.operator == "Add" and (others := _added_to(node, graph, makers)):
                node = makers.get(others)
            else:
                break
        return node

    last = back(output, _RESHAPING | _MONOTONE)
    if last is None:
        return None
    if last.operator in _MEANS:
        return ClassHead(last.inputs[0], last.outputs[0])
    if last.operator not in ("Gemm", "MatMul") or not _is_constant(last.inputs[1], graph, makers):
        return None
    mean = back(last.inputs[0], _RESHAPING)
    if mean is None or mean.operator not in _MEANS:
        return None
    transposed = last.operator == "Gemm" and bool(last.number("transB", 0))
    return ClassHead(mean.inputs[0], mean.outputs[0], last.inputs[1], transposed)


def _added_to(node: Node, graph: GraphFile, makers: Mapping[str, Node]) -> str:
    """Return what a bias is added to; empty where both sides depend on the input."""
    rest = [name for name in node.inputs if not _is_constant(name, graph, makers)]
    return rest[0] if len(rest) == 1 else ""


def _is_constant(name: str, graph: GraphFile, makers: Mapping[str, Node]) -> bool:
    if name in graph.weights:
        return True
    node = makers.get(name)
    if node is None:
        return False
    if node.operator == "Constant":
        return True
    return node.operator in ("Cast", "DequantizeLinear", "Identity", "Transpose") and all(
        _is_constant(one, graph, makers) for one in node.inputs
    )
