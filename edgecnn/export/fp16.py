"""A graph in half precision: numbers of 16 bits, with FP32 left where those do not suffice.

The converters that exist clamp what overflows, and cast down and up again between two neighbours
that were both to stay in FP32. Here a tensor that does not fit into FP16 stays FP32 all the way
from what computes it to what reads it, weights that FP16 would change stay as they are, and every
layer that was left out is named with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx
from msgspec import Struct
from onnx import TensorProto

from edgecnn.errors import ModelError
from edgecnn.export.fp16_plan import KeptLayer, Plan, computed_floats, plan_fp16
from edgecnn.export.fp16_weights import to_half
from edgecnn.export.node_names import name_nodes
from edgecnn.export.peaks import activation_peaks
from edgecnn.export.quantized import quantized_operator
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["Fp16Graph", "KeptLayer", "measure_peaks", "to_fp16"]


class Fp16Graph(Struct, frozen=True, kw_only=True):
    """A converted graph, and what was left out.

    Attributes
    ----------
    model : onnx.ModelProto
        Without metadata of its own beyond what the source had.
    kept : tuple of KeptLayer
        Nodes that still compute in FP32, each with its reason.
    flushed : dict of str to int
        By weight: numbers too small for FP16, which became 0 without changing any channel of
        their weight by more than rounding does.
    layers : tuple of str
        Nodes that compute in FP16, in the order of the graph.
    """

    model: onnx.ModelProto
    kept: tuple[KeptLayer, ...]
    flushed: dict[str, int]
    layers: tuple[str, ...]


def to_fp16(
    model: onnx.ModelProto,
    *,
    keep_io: bool = True,
    block: Sequence[str] = (),
    inputs: Tensors | None = None,
    peaks: Mapping[str, float] | None = None,
) -> Fp16Graph:
    """Convert a graph's weights and arithmetic from FP32 to FP16.

    Parameters
    ----------
    model : onnx.ModelProto
        In FP32, its weights inside; it is not changed.
    keep_io : bool
        Leave inputs and outputs FP32, so that whatever feeds and reads the file need not change.
    block : sequence of str
        Names of nodes, and of types of operators, to leave in FP32.
    inputs : mapping of str to ndarray, optional
        Preprocessed real inputs, a few rows. What reaches beyond half of FP16's largest number
        (65,504) on them stays FP32. Without, no overflow of activations can be found: ONNX Runtime
        computes FP16 graphs in FP32 on a CPU, and hides it.
    peaks : mapping of str to float, optional
        What :func:`measure_peaks` gave for such inputs, where a graph is converted several times.

    Returns
    -------
    Fp16Graph

    Raises
    ------
    ModelError
        A quantized graph, or one whose types cannot be inferred.
    UsageError
        A name in ``block`` that is neither a node nor an operator of this graph.

    Notes
    -----
    IEEE 754 binary16: 11 significant bits, largest 65,504, smallest 6e-8.

    Examples
    --------
    >>> from onnx import helper
    >>> x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 4]) for n in "xy")
    >>> graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    >>> half = to_fp16(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]))
    >>> [node.op_type for node in half.model.graph.node]
    ['Cast', 'Relu', 'Cast']
    """
    if operator := quantized_operator(model):
        raise ModelError(
            f"the graph is quantized ({operator}): FP16 would be lost between its few bits",
            hint="start from the FP32 file",
        )
    source = _prepared(model)
    if peaks is None and inputs is not None:
        peaks = activation_peaks(source, computed_floats(source), inputs)
    plan = plan_fp16(source, block=block, peaks=peaks or {})
    converted = _rewrite(source, plan, keep_io=keep_io)
    return Fp16Graph(
        model=converted, kept=plan.kept, flushed=dict(plan.flushed), layers=plan.halved
    )


def measure_peaks(model: onnx.ModelProto, inputs: Tensors) -> dict[str, float]:
    """Return the largest magnitude of each tensor that a graph computes, over some inputs."""
    source = _prepared(model)
    return activation_peaks(source, computed_floats(source), inputs)


def _prepared(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a graph, give each node a name, and make weights of its constants."""
    source = onnx.ModelProto()
    source.CopyFrom(model)
    graph = name_nodes(source).graph
    nodes = []
    for node in graph.node:
        value = next((a for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and not node.domain and value is not None:
            tensor = graph.initializer.add()
            tensor.CopyFrom(value.t)
            tensor.name = node.output[0]
            continue
        nodes.append(node)
    _replace_nodes(graph, nodes)
    try:
        inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(source)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"types cannot be inferred: {' '.join(str(error).split())[:200]}") from (
            error
        )
    return inferred


def _rewrite(source: onnx.ModelProto, plan: Plan, *, keep_io: bool) -> onnx.ModelProto:
    graph = source.graph
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    names |= {value.name for value in (*graph.input, *graph.output)}
    names |= {tensor.name for tensor in graph.initializer}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    io = TensorProto.FLOAT if keep_io else TensorProto.FLOAT16
    #: By the tensor's name in the source: the name of each of its versions.
    versions: dict[tuple[str, int], str] = {}
    nodes: list[onnx.NodeProto] = []
    used: dict[str, TensorProto] = {}

    def version(name: str, kind: int) -> str:
        """Return a tensor in a type, cast if it was not yet; casts precede their first reader."""
        if (name, kind) in versions:
            return versions[name, kind]
        if name in weights:
            made = name if (name, _other(kind)) not in versions else _unused(name, names, kind)
            used[made] = onnx.TensorProto()
            used[made].CopyFrom(
                to_half(weights[name]) if kind == TensorProto.FLOAT16 else weights[name]
            )
            used[made].name = made
        else:
            made = _unused(name, names, kind)
            there = versions[name, _other(kind)]
            nodes.append(_cast(there, made, kind, names))
        versions[name, kind] = made
        return made

    for value in graph.input:
        if value.name in plan.floats and value.name not in weights:
            value.type.tensor_type.elem_type = io
            versions[value.name, io] = value.name
    outputs = {value.name: value for value in graph.output if value.name in plan.floats}
    for node in graph.node:
        kinds = plan.kinds[node.name]
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for i, name in enumerate(node.input):
            if name in plan.floats:
                copy.input[i] = version(name, kinds.inputs[i])
            elif name in weights:
                used[name] = weights[name]
        captured = {
            name: version(name, TensorProto.FLOAT) for name in kinds.captured if name in plan.floats
        }
        used |= {n: weights[n] for n in kinds.captured if n in weights and n not in captured}
        _rename_captured(copy, captured)
        for i, name in enumerate(node.output):
            if name not in plan.floats:
                continue
            kind = kinds.outputs[i]
            # A graph's outputs keep their names: what differs in type takes another inside.
            moved = name in outputs and kind != io
            versions[name, kind] = _unused(name, names, kind) if moved else name
            copy.output[i] = versions[name, kind]
        if kinds.half and copy.op_type == "Cast":
            for attribute in copy.attribute:
                if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                    attribute.i = TensorProto.FLOAT16
        nodes.append(copy)
        for i, name in enumerate(node.output):
            if name in outputs and kinds.outputs[i] != io:
                nodes.append(_cast(versions[name, kinds.outputs[i]], name, io, names))
                versions[name, io] = name
    for name, value in outputs.items():
        # Weights that are outputs as they stand are left alone.
        value.type.tensor_type.elem_type = io if (name, io) in versions else TensorProto.FLOAT
        if name in weights:
            used[name] = weights[name]
            value.type.tensor_type.elem_type = weights[name].data_type
    result = onnx.ModelProto()
    result.CopyFrom(source)
    _replace_nodes(result.graph, nodes)
    kept_weights = [used[name] for name in used]
    del result.graph.initializer[:]
    result.graph.initializer.extend(kept_weights)
    del result.graph.value_info[:]
    return _checked(result)


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    try:
        inferred: onnx.ModelProto = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        onnx.checker.check_model(inferred, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(
            f"the graph does not hold in FP16: {' '.join(str(error).split())[:240]}",
            hint="leave the operator that is named in FP32: --fp16-block OPERATOR",
        ) from error
    return inferred


def _cast(source: str, target: str, kind: int, names: set[str]) -> onnx.NodeProto:
    names.add(target)
    node: onnx.NodeProto = onnx.helper.make_node(
        "Cast", [source], [target], name=f"{target}_cast", to=kind
    )
    return node


def _other(kind: int) -> int:
    half = kind == TensorProto.FLOAT16
    return int(TensorProto.FLOAT if half else TensorProto.FLOAT16)


def _unused(name: str, names: set[str], kind: int | None = None) -> str:
    """Return a name that no tensor or node has, and take it."""
    if kind is not None:
        name += "_fp16" if kind == TensorProto.FLOAT16 else "_fp32"
    made, number = name, 1
    while made in names:
        number += 1
        made = f"{name}_{number}"
    names.add(made)
    return made


def _rename_captured(node: onnx.NodeProto, names: Mapping[str, str]) -> None:
    """Let the graphs inside a node read what is outside by its new names."""
    changed = {old: new for old, new in names.items() if old != new}
    if not changed:
        return
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                for i, name in enumerate(inner.input):
                    inner.input[i] = changed.get(name, name)
                _rename_captured(inner, changed)


def _replace_nodes(graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
    copies = list(nodes)
    del graph.node[:]
    graph.node.extend(copies)
