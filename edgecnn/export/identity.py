"""What two model files differ in, whatever was measured of them aside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from edgecnn.export.embed import serialized
from edgecnn.metadata import CONTRACT_KEY, GOLDEN_KEY, MEASURED_KEY

__all__ = ["differences"]

#: As many are named; the rest is counted.
_NAMED = 8


def differences(before: onnx.ModelProto, after: onnx.ModelProto) -> tuple[str, ...]:
    """Say what two models differ in, one line each; nothing for the same bytes.

    ``edgecnn.measured`` is left out: it holds dates and timings.

    Parameters
    ----------
    before, after : onnx.ModelProto

    Returns
    -------
    tuple of str
        ``"contract provenance.versions.torch: 2.12.0, now 2.13.0"``; ``"weights conv1.weight: 5 of
        150 values differ, by at most 0.01"``; ...

    Examples
    --------
    >>> differences(onnx.ModelProto(ir_version=9), onnx.ModelProto(ir_version=10))
    ('IR version: 9, now 10',)
    """
    first, second = _unmeasured(before), _unmeasured(after)
    if serialized(first) == serialized(second):
        return ()
    found = [
        *_shortened(list(_contracts(first, second))),
        *_graphs(first, second),
        *_shortened(list(_weights(first.graph, second.graph))),
    ]
    return tuple(found) or ("the files differ in fields that describe nothing of the network",)


def _unmeasured(model: onnx.ModelProto) -> onnx.ModelProto:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    kept = [entry for entry in copied.metadata_props if entry.key != MEASURED_KEY]
    del copied.metadata_props[:]
    copied.metadata_props.extend(kept)
    return copied


def _shortened(lines: list[str]) -> list[str]:
    more = len(lines) - _NAMED
    return [*lines[:_NAMED], f"... and {more} more of this kind"] if more > 0 else lines


def _contracts(before: onnx.ModelProto, after: onnx.ModelProto) -> Iterator[str]:
    first, second = (
        {entry.key: entry.value for entry in model.metadata_props} for model in (before, after)
    )
    for key in dict.fromkeys((*first, *second)):
        if first.get(key) == second.get(key):
            continue
        title = {CONTRACT_KEY: "contract", GOLDEN_KEY: "golden vectors"}.get(key, f"key {key}")
        if key not in first or key not in second:
            yield f"{title}: {'none before' if key not in first else 'none now'}"
            continue
        try:
            parts = json.loads(first[key]), json.loads(second[key])
        except ValueError:
            yield f"{title} differ"
            continue
        fields = list(_fields(*parts))
        if key == GOLDEN_KEY:
            yield f"{title}: {len(fields)} values differ, first {fields[0][0]}"
            continue
        for path, (was, now) in fields:
            yield f"{title} {path}: {_short(was)}, now {_short(now)}"


def _fields(was: Any, now: Any, path: str = "") -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield the leaves that differ, by their dotted path."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*was, *now)):
            inner = f"{path}.{key}" if path else str(key)
            yield from _fields(was.get(key), now.get(key), inner)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, pair in enumerate(zip(was, now, strict=True)):
            yield from _fields(*pair, f"{path}[{number}]")
    elif was != now:
        yield path, (was, now)


def _short(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:40]}... ({len(text)} characters)"


def _graphs(before: onnx.ModelProto, after: onnx.ModelProto) -> Iterator[str]:
    if before.ir_version != after.ir_version:
        yield f"IR version: {before.ir_version}, now {after.ir_version}"
    opsets = [
        ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in model.opset_import)
        for model in (before, after)
    ]
    if opsets[0] != opsets[1]:
        yield f"opset: {opsets[0]}, now {opsets[1]}"
    for what in ("input", "output"):
        was, now = (
            [(v.name, _dims(v)) for v in getattr(model.graph, what)] for model in (before, after)
        )
        if was != now:
            yield f"{what}s: {was}, now {now}"
    counts = [Counter(node.op_type for node in model.graph.node) for model in (before, after)]
    if counts[0] != counts[1]:
        changed = sorted(counts[0].keys() | counts[1].keys())
        yield "operators: " + "; ".join(
            f"{name} {counts[0][name]}, now {counts[1][name]}"
            for name in changed
            if counts[0][name] != counts[1][name]
        )
        return
    for one, other in zip(before.graph.node, after.graph.node, strict=True):
        if one != other:
            yield f"node {one.name or one.output[0]} ({one.op_type}) differs, maybe others"
            return


def _dims(value: onnx.ValueInfoProto) -> list[int | str]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def _weights(before: onnx.GraphProto, after: onnx.GraphProto) -> Iterator[str]:
    first, second = ({t.name: t for t in graph.initializer} for graph in (before, after))
    for name in dict.fromkeys((*first, *second)):
        if name not in first or name not in second:
            yield f"weights {name}: {'none before' if name not in first else 'none now'}"
            continue
        if first[name] == second[name]:
            continue
        was, now = numpy_helper.to_array(first[name]), numpy_helper.to_array(second[name])
        if was.shape != now.shape or was.dtype != now.dtype:
            yield f"weights {name}: {was.dtype}{was.shape}, now {now.dtype}{now.shape}"
            continue
        difference = np.abs(now.astype(np.float64) - was.astype(np.float64))
        yield (
            f"weights {name}: {int(np.count_nonzero(difference))} of {was.size} values differ, "
            f"by at most {difference.max(initial=0.0):.3g}"
        )
