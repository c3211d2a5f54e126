"""What each node of a graph costs: parameters, multiply-adds, bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from edgecnn.runtime.graph_file import GraphFile, Node
from edgecnn.runtime.tensor_shapes import Extent

__all__ = ["GraphCosts", "LayerCost", "graph_costs", "table_rows"]

#: Tensors and nodes that ``edgecnn export`` put around a network are not its parameters.
_AROUND = "edgecnn."

#: Of these types a constant is a weight; whole numbers of 64 bits are shapes and indices.
_WEIGHTS = frozenset(
    {"float", "float16", "bfloat16", "double", "uint8", "int8", "int32", "uint4", "int4", "int16"}
)
#: Their constants are bounds and sizes.
_SETTINGS = frozenset({"Clip", "Pad", "Range", "Resize", "Upsample", "TopK", "NonMaxSuppression"})
#: Their output is their input, seen otherwise: it takes no memory.
_VIEWS = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Dropout"})
#: Two weights of 4 bits are in each byte that these read.
_PACKED = {("MatMulNBits", "uint8"): 2, ("BitShift", "uint8"): 2}
_GATES = {"LSTM": 4, "DynamicQuantizeLSTM": 4, "GRU": 3, "RNN": 1}


@dataclass(frozen=True)
class LayerCost:
    """One node.

    Attributes
    ----------
    name, operator : str
    title : str
        The operator with its kernel, stride and groups: ``"Conv 3×3 /2"``.
    output : str
        Name of what it gives (the first, of several).
    type : str
    shape : tuple of int or None
        Of that, with a batch of 1; None where it is not known.
    parameters : int
        Weights that it is the first to read; of an 8-bit file with their scales and zero points.
    macs : int or None
        Multiply-adds; 0 for what does not multiply by weights, None where they cannot be told.
    bytes : int
        Of all that it gives.
    inputs : tuple of int
        Numbers of the nodes whose outputs it reads; -1 for an input of the graph.
    """

    name: str
    operator: str
    title: str
    output: str
    type: str
    shape: tuple[int, ...] | None
    parameters: int
    macs: int | None
    bytes: int
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class GraphCosts:
    """All nodes, and what they come to.

    Attributes
    ----------
    layers : tuple of LayerCost
    parameters : int
    weight_bytes : int
    macs : int or None
        None where shapes are not known.
    peak_bytes : int or None
        The most that activations take at once, if memory is used again as soon as it is free and
        nodes run in the file's order. ONNX Runtime's own arena may take more.
    peak_at : str
        The node at which they do.
    """

    layers: tuple[LayerCost, ...]
    parameters: int
    weight_bytes: int
    macs: int | None
    peak_bytes: int | None
    peak_at: str


def graph_costs(graph: GraphFile, extents: Mapping[str, Extent]) -> GraphCosts:
    """Count what a graph costs for one input.

    Parameters
    ----------
    graph : GraphFile
    extents : mapping of str to Extent
        See :func:`edgecnn.runtime.tensor_shapes.tensor_extents`; may be empty.

    Notes
    -----
    A multiply-add is a product with a weight (or between two tensors, in a matrix product) and its
    addition: biases, activations and normalisations are not counted, as is usual.
    """
    makers = {name: i for i, node in enumerate(graph.nodes) for name in node.outputs if name}
    counted: set[str] = set()
    layers = []
    for node in graph.nodes:
        found = [extents[name] for name in node.outputs if name in extents]
        output = next(iter(node.outputs), "")
        first = extents.get(output)
        layers.append(
            LayerCost(
                name=node.name,
                operator=node.operator,
                title=_title(node, graph, extents),
                output=output,
                type=first.type if first else "",
                shape=first.shape if first else None,
                parameters=_parameters(node, graph, counted),
                macs=_macs(node, graph, extents),
                bytes=sum(extent.size_bytes for extent in found),
                inputs=_sources(node, graph, makers),
            )
        )
    macs = [layer.macs for layer in layers]
    peak, at = _peak(graph, extents)
    own = [w for w in graph.weights.values() if not w.name.startswith(_AROUND)]
    return GraphCosts(
        layers=tuple(layers),
        parameters=sum(layer.parameters for layer in layers),
        weight_bytes=sum(weight.size_bytes for weight in own),
        macs=sum(m for m in macs if m is not None) if extents else None,
        peak_bytes=peak,
        peak_at=at,
    )


def table_rows(costs: GraphCosts) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return a table's head and its rows, one a node and one for their sum."""
    head = ("operator", "name", "output", "parameters", "MACs", "bytes")
    rows: list[tuple[str, ...]] = [
        (
            layer.title,
            layer.name,
            "?" if layer.shape is None else "x".join(map(str, layer.shape)),
            f"{layer.parameters:,}",
            "?" if layer.macs is None else f"{layer.macs:,}",
            f"{layer.bytes:,}",
        )
        for layer in costs.layers
    ]
    macs = "?" if costs.macs is None else f"{costs.macs:,}"
    rows.append(("all", f"{len(costs.layers)} nodes", "", f"{costs.parameters:,}", macs, ""))
    return head, rows


def _sources(node: Node, graph: GraphFile, makers: Mapping[str, int]) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for name in (*node.inputs, *node.captured):
        if name in makers:
            found[makers[name]] = None
        elif name in graph.inputs:
            found[-1] = None
    return tuple(found)


def _parameters(node: Node, graph: GraphFile, counted: set[str]) -> int:
    total = 0
    if node.name.startswith(_AROUND) or node.operator in _SETTINGS:
        return 0
    for name in (*node.inputs, *node.captured):
        weight = graph.weights.get(name)
        if weight is None or name in counted or name.startswith(_AROUND):
            continue
        counted.add(name)
        if weight.type in _WEIGHTS:
            total += weight.count * _PACKED.get((node.operator, weight.type), 1)
    if node.operator == "Constant":
        total += sum(w.count for w in node.constants if w.type in _WEIGHTS and w.shape)
    return total


def _shape(name: str, graph: GraphFile, extents: Mapping[str, Extent]) -> tuple[int, ...] | None:
    if name in graph.weights:
        return graph.weights[name].shape
    return extents[name].shape if name in extents else None


def _macs(node: Node, graph: GraphFile, extents: Mapping[str, Extent]) -> int | None:
    """Count multiply-adds by the operator's definition."""
    operator = node.operator
    inputs = [_shape(name, graph, extents) for name in node.inputs]
    output = _shape(node.outputs[0], graph, extents) if node.outputs else None
    if operator in ("Conv", "FusedConv", "ConvInteger", "QLinearConv"):
        weight = inputs[3] if operator == "QLinearConv" else inputs[1]
        # (out, in / groups, *kernel): each output is a sum over all but the first axis.
        return _product(output, weight[1:]) if output and weight else None
    if operator == "ConvTranspose":
        return _product(inputs[0], inputs[1][1:]) if inputs[0] and inputs[1] else None
    if operator in ("Gemm", "QGemm"):
        if not output or not inputs[0]:
            return None
        return _product(output, (inputs[0][0 if node.number("transA", 0) else -1],))
    if operator in ("MatMul", "FusedMatMul", "MatMulInteger", "QLinearMatMul"):
        return _product(output, inputs[0][-1:]) if output is not None and inputs[0] else None
    if operator == "MatMulNBits":
        return _product(output, (node.number("K", 0),)) if output is not None else None
    if operator in _GATES:
        return _recurrent(node, inputs)
    if operator in ("Einsum", "Attention", "MultiHeadAttention"):
        return None
    return 0


def _recurrent(node: Node, inputs: list[tuple[int, ...] | None]) -> int | None:
    steps, hidden = inputs[0], node.number("hidden_size", 0)
    if steps is None or len(steps) != 3 or not hidden:
        return None
    directions = 2 if node.texts.get("direction") == "bidirectional" else 1
    gates = _GATES[node.operator]
    return steps[0] * steps[1] * directions * gates * hidden * (steps[2] + hidden)


def _product(*shapes: tuple[int, ...] | None) -> int:
    return math.prod(math.prod(shape) for shape in shapes if shape)


def _title(node: Node, graph: GraphFile, extents: Mapping[str, Extent]) -> str:
    name = node.operator if not node.domain else f"{node.operator} ({node.domain})"
    kernel = node.ints.get("kernel_shape", ())
    if not kernel and "Conv" in node.operator and len(node.inputs) > 1:
        weight = _shape(node.inputs[3 if node.operator == "QLinearConv" else 1], graph, extents)
        kernel = weight[2:] if weight else ()
    if kernel:
        name += " " + "×".join(map(str, kernel))
    strides = node.ints.get("strides", ())
    if any(stride != 1 for stride in strides):
        same = len(set(strides)) == 1
        name += " /" + (str(strides[0]) if same else "×".join(map(str, strides)))
    groups = node.number("group", 1)
    return f"{name}, {groups} groups" if groups > 1 else name


def _peak(graph: GraphFile, extents: Mapping[str, Extent]) -> tuple[int | None, str]:
    """Follow what is alive from node to node."""
    if not extents:
        return None, ""
    # A view is its source: both live as long as either is read.
    roots: dict[str, str] = {}
    for node in graph.nodes:
        if node.operator in _VIEWS and node.inputs and node.outputs:
            roots[node.outputs[0]] = roots.get(node.inputs[0], node.inputs[0])
    # What is computed from weights alone (8-bit ones, brought back to floats) is folded away or
    # fused, and lives as long as they do.
    constants = set(graph.weights)
    for node in graph.nodes:
        if not node.captured and all(n in constants for n in node.inputs if n):
            constants.update(node.outputs)
    last: dict[str, int] = {}
    for number, node in enumerate(graph.nodes):
        for name in (*node.inputs, *node.captured, *node.outputs):
            last[roots.get(name, name)] = number
    for name in graph.outputs:
        last[roots.get(name, name)] = len(graph.nodes)
    alive = {name: extents[name].size_bytes for name in graph.inputs if name in extents}
    peak, at = sum(alive.values()), ""
    for number, node in enumerate(graph.nodes):
        for name in node.outputs:
            if name in extents and name not in roots and name not in constants:
                alive[name] = extents[name].size_bytes
        if (total := sum(alive.values())) > peak:
            peak, at = total, node.name or node.operator
        for name in [n for n in alive if last.get(n, number) <= number]:
            del alive[name]
    return peak, at
