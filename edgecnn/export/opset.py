"""Which version of the operators a model is written in, and how it gets another."""

from __future__ import annotations

import onnx

from edgecnn.errors import ModelError, UsageError
from edgecnn.runtime.compatibility import oldest_runtime

__all__ = [
    "OLDEST_OPSET",
    "at_least",
    "convert_opset",
    "lower_ir_version",
    "opset_of",
    "runtime_of",
]

#: Oldest operator set that a model is converted down to.
OLDEST_OPSET = 13

#: Attributes that newer versions of an operator have, by the values that change nothing here.
#: ``allowzero`` says what a size of 0 means, which no input has.
_SILENT = {"noop_with_empty_axes": (0,), "allowzero": (0, 1), "start": (0,), "antialias": (0,)}

#: IR version that came with an operator set. What reads the one reads the other, so a model that is
#: converted down for an old runtime gets the old one's too.
_IR_VERSION = {13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the default operator set that a model asks for."""
    return next(
        (entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0
    )


def runtime_of(model: onnx.ModelProto) -> str | None:
    """Return the oldest ONNX Runtime that reads a model; see :func:`oldest_runtime`."""
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    return oldest_runtime(model.ir_version, opsets)


def at_least(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return a copy of a model, converted if its opset is older than this; raises as below."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy if opset_of(copy) >= opset else convert_opset(copy, max(opset, OLDEST_OPSET))


def convert_opset(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return a model at another opset, one version after the other.

    ``onnx.version_converter`` rewrites what has changed from one version to the next. It knows no
    way down for operators that only learned more types; those are kept as they are where the older
    version allows what the node does. Each step is checked in full. Whether the result computes
    the same is for the caller to find out.

    Raises
    ------
    UsageError
        Older than 13, or newer than the installed ``onnx`` knows.
    ModelError
        An operator that the asked-for version does not have, or a converter that stops on the way.
    """
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise UsageError(
            f"opset {opset} cannot be converted to", hint=f"{OLDEST_OPSET} to {newest} can"
        )
    before = opset_of(model)
    step = 1 if opset > before else -1
    for version in range(before + step, opset + step, step):
        model = _one_step(model, version)
        if opset_of(model) != version:
            raise ModelError(
                f"asked for opset {version}, the converter left {opset_of(model)}",
                hint=f"--opset {opset_of(model)} is what it can do for this network",
            )
    if step < 0:
        model.ir_version = min(model.ir_version, _IR_VERSION[opset])
    else:
        model.ir_version = max(model.ir_version, _IR_VERSION.get(opset, model.ir_version))
    return model


def lower_ir_version(model: onnx.ModelProto) -> None:
    """State no newer IR version than the model's opset came with, in place.

    PyTorch's exporter writes IR 10 whatever the opset, which keeps ONNX Runtime before 1.18 from
    opening a file that it could run. Newer versions of the format added types and notes, which a
    model of an older opset without operators of other domains does not have.
    """
    opset = opset_of(model)
    if opset in _IR_VERSION and len(model.opset_import) == 1 and not model.functions:
        model.ir_version = min(model.ir_version, _IR_VERSION[opset])


def _one_step(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    down = version < opset_of(model)
    try:
        converted = onnx.version_converter.convert_version(model, version)
    # The C++ core raises RuntimeError, its Python wrapper onnx's own.
    except (RuntimeError, onnx.version_converter.ConvertError) as error:
        if not down or "No Adapter" not in str(error):
            raise _refused(version, error) from error
        converted = onnx.ModelProto()
        converted.CopyFrom(model)
        for entry in converted.opset_import:
            if entry.domain in ("", "ai.onnx"):
                entry.version = version
    if down:
        _drop_silent_attributes(converted, version)
    try:
        onnx.checker.check_model(converted, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise _refused(version, error) from error
    return converted


def _drop_silent_attributes(model: onnx.ModelProto, version: int) -> None:
    """Remove attributes that the version does not have and that change nothing."""
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            continue
        try:
            known = onnx.defs.get_schema(node.op_type, version, "").attributes
        except onnx.defs.SchemaError:
            continue  # the checker names it
        kept = [a for a in node.attribute if a.name in known or a.i not in _SILENT.get(a.name, ())]
        del node.attribute[:]
        node.attribute.extend(kept)


def _refused(version: int, error: Exception) -> ModelError:
    text = " ".join(str(error).split())[-240:]
    return ModelError(
        f"this network cannot be written at opset {version}: {text}",
        hint="a newer opset keeps all operators: --opset 18 and up",
    )
