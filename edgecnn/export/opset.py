"""Which version of the operators a model is written in."""

from __future__ import annotations

import onnx

__all__ = ["opset_of"]


def opset_of(model: onnx.ModelProto) -> int:
    """Return the version of the default operator set that a model asks for."""
    return next(
        (entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0
    )
