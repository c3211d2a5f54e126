"""Which nodes of a graph can compute in FP16, and which must stay FP32 and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx
from msgspec import Struct
from onnx import TensorProto

from edgecnn.errors import UsageError
from edgecnn.export.fp16_weights import HALF_LARGEST, weight_loss
from edgecnn.export.nodes import EMBEDDED
from edgecnn.export.opset import opset_of

__all__ = ["KeptLayer", "NodeKinds", "Plan", "computed_floats", "plan_fp16"]

#: Beyond this an activation may overflow on an input that was not among the samples.
_MOST = HALF_LARGEST / 2

#: Their attribute says the type of what they make.
_TYPED_BY_ATTRIBUTE = frozenset(
    {
        "Bernoulli",
        "ConstantOfShape",
        "EyeLike",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "SequenceEmpty",
    }
)


class KeptLayer(Struct, frozen=True, kw_only=True):
    """A node that computes in FP32, and why."""

    node: str
    operator: str
    reason: str


@dataclass(frozen=True)
class NodeKinds:
    """Types of what a node reads and gives, as ``TensorProto`` numbers; 0 for what is no float."""

    half: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    captured: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """By node's name: its types; which tensors are FP32 numbers, which nodes FP16; and why."""

    kinds: Mapping[str, NodeKinds]
    floats: frozenset[str]
    halved: tuple[str, ...]
    kept: tuple[KeptLayer, ...]
    flushed: Mapping[str, int]


def plan_fp16(
    model: onnx.ModelProto, *, block: Sequence[str] = (), peaks: Mapping[str, float]
) -> Plan:
    """Decide for every node of a graph with inferred types; each must have a name.

    Parameters
    ----------
    peaks : mapping of str to float
        Largest magnitudes of tensors, where they were measured.

    Raises
    ------
    UsageError
        A name in ``block`` that is in no node.
    """
    graph = model.graph
    _check_block(graph, block)
    types = _types(graph)
    floats = frozenset(name for name, kind in types.items() if kind == TensorProto.FLOAT)
    weights = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT}
    losses = {name: weight_loss(tensor) for name, tensor in weights.items()}
    reasons: dict[str, str] = {}
    for node in graph.node:
        if reason := _cannot(node, types, floats, opset_of(model), block):
            reasons[node.name] = reason
            continue
        for name in node.input:
            if name in losses and (lost := losses[name].reason) is not None:
                reasons[node.name] = f"weight {name} {lost}"
    large = {name: peak for name, peak in peaks.items() if not peak <= _MOST}
    for node in graph.node:
        for name in (*node.output, *node.input):
            if name in large and node.name not in reasons:
                reasons[node.name] = (
                    f"{name} reaches {large[name]:.4g}, and FP16 ends at {HALF_LARGEST:.0f}"
                )
    kinds = {
        node.name: _kinds(model, node, floats, half=node.name not in reasons) for node in graph.node
    }
    halved = tuple(
        node.name for node in graph.node if TensorProto.FLOAT16 in kinds[node.name].outputs
    )
    return Plan(
        kinds=kinds,
        floats=floats,
        halved=halved,
        # Only what computes with numbers: a Shape has none to be kept.
        kept=tuple(
            KeptLayer(node=node.name, operator=node.op_type, reason=reasons[node.name])
            for node in graph.node
            if node.name in reasons
        ),
        flushed={n: loss.flushed for n, loss in losses.items() if loss.flushed and not loss.reason},
    )


def computed_floats(model: onnx.ModelProto) -> list[str]:
    """Name the FP32 tensors that the nodes of a graph with inferred types compute."""
    types = _types(model.graph)
    names = [name for node in model.graph.node for name in node.output]
    return [name for name in names if types.get(name) == TensorProto.FLOAT]


def _check_block(graph: onnx.GraphProto, block: Sequence[str]) -> None:
    known = {node.name for node in graph.node} | {node.op_type for node in graph.node}
    if unknown := [name for name in block if name not in known]:
        operators = sorted({node.op_type for node in graph.node})
        raise UsageError(
            f"no node or operator {unknown[0]!r} to leave in FP32",
            hint=f"operators here: {', '.join(operators)}; `edgecnn inspect --layers` names nodes",
        )


def _types(graph: onnx.GraphProto) -> dict[str, int]:
    types = {t.name: int(t.data_type) for t in graph.initializer}
    for value in (*graph.value_info, *graph.input, *graph.output):
        if value.type.HasField("tensor_type"):
            types[value.name] = int(value.type.tensor_type.elem_type)
    return types


def _cannot(
    node: onnx.NodeProto,
    types: Mapping[str, int],
    floats: frozenset[str],
    opset: int,
    block: Sequence[str],
) -> str | None:
    """Say why a node cannot compute in FP16; None if it can, or has nothing to do with floats."""
    captured = _captured(node)
    touched = [n for n in (*node.input, *node.output, *captured) if n]
    unknown = [name for name in touched if name not in types]
    if not unknown and not any(name in floats for name in touched):
        return None
    if node.name in block or node.op_type in block:
        return "asked for"
    if node.name.startswith(EMBEDDED):
        return "positions in a picture need FP32"
    if unknown:
        return f"the type of {unknown[0]} is not known"
    if captured or any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute):
        return "it holds a graph of its own"
    if node.op_type in _TYPED_BY_ATTRIBUTE:
        return "it makes FP32 numbers"
    if not _takes_half(node, floats, opset):
        return f"{node.op_type} does not take FP16"
    return None


def _takes_half(node: onnx.NodeProto, floats: frozenset[str], opset: int) -> bool:
    """Tell whether a node's schema lets at least its first float be FP16, and none forbids it."""
    schema = _schema(node, opset)
    if schema is None:
        return False
    allowed = [
        kind
        for name, kind in (
            *zip(node.input, _formal_kinds(node, schema, floats, inputs=True), strict=True),
            *zip(node.output, _formal_kinds(node, schema, floats, inputs=False), strict=True),
        )
        if name in floats
    ]
    return TensorProto.FLOAT16 in allowed and 0 not in allowed


def _kinds(
    model: onnx.ModelProto, node: onnx.NodeProto, floats: frozenset[str], *, half: bool
) -> NodeKinds:
    schema = _schema(node, opset_of(model)) if half else None
    if schema is None:
        return NodeKinds(
            half=False,
            inputs=tuple(int(TensorProto.FLOAT) if n in floats else 0 for n in node.input),
            outputs=tuple(int(TensorProto.FLOAT) if n in floats else 0 for n in node.output),
            captured=_captured(node),
        )
    return NodeKinds(
        half=True,
        inputs=_formal_kinds(node, schema, floats, inputs=True),
        outputs=_formal_kinds(node, schema, floats, inputs=False),
        captured=(),
    )


def _formal_kinds(
    node: onnx.NodeProto, schema: onnx.defs.OpSchema, floats: frozenset[str], *, inputs: bool
) -> tuple[int, ...]:
    """Return the type of each float in FP16: some are FP32 by the standard, 0 if it has neither."""
    formal = schema.inputs if inputs else schema.outputs
    constraints = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    kinds = []
    for i, name in enumerate(node.input if inputs else node.output):
        if name not in floats or not formal:
            kinds.append(0)
            continue
        text = formal[min(i, len(formal) - 1)].type_str
        allowed = constraints.get(text, (text,))
        if "tensor(float16)" in allowed:
            kinds.append(int(TensorProto.FLOAT16))
        elif text not in constraints and text == "tensor(float)":
            kinds.append(int(TensorProto.FLOAT))
        else:
            kinds.append(0)
    return tuple(kinds)


def _schema(node: onnx.NodeProto, opset: int) -> onnx.defs.OpSchema | None:
    if node.domain not in ("", "ai.onnx"):
        return None
    try:
        return onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        return None


def _captured(node: onnx.NodeProto) -> tuple[str, ...]:
    """Return what the graphs inside a node read of the outside."""
    names: dict[str, None] = {}
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            own = {v.name for v in graph.input} | {t.name for t in graph.initializer}
            for inner in graph.node:
                for name in (*inner.input, *_captured(inner)):
                    if name and name not in own:
                        names[name] = None
                own |= set(inner.output)
            names |= {v.name: None for v in graph.output if v.name not in own}
    return tuple(names)
