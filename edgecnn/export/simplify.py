"""Fold constants and fuse what need not be computed on the device."""

from __future__ import annotations

import onnx

from edgecnn.errors import MissingPackageError, ModelError

__all__ = ["simplify"]


def simplify(model: onnx.ModelProto) -> onnx.ModelProto:
    """Run onnx-simplifier over a model.

    Raises
    ------
    ModelError
        It fails, or its result does not hold. The unsimplified model is no substitute: it may
        run several times slower, and nobody would notice.
    MissingPackageError
        onnxsim is not installed.
    """
    try:
        # Imported here: it loads torch.
        import onnxsim
    except ImportError as error:
        raise MissingPackageError(
            "onnxsim is not installed", hint="pip install 'edgecnn[train]'"
        ) from error
    try:
        simplified, holds = onnxsim.simplify(model)
    # The C++ core raises RuntimeError, the checks around it ValueError or onnx's own.
    except (RuntimeError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"the graph cannot be simplified: {' '.join(str(error).split())[:200]}",
            hint="try another opset",
        ) from error
    if not holds:
        raise ModelError(
            "the simplified graph does not repeat the original one", hint="try another opset"
        )
    result: onnx.ModelProto = simplified
    return result
