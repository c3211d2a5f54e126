"""ONNX Runtime sessions of graphs that are in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import onnx

from edgecnn.errors import ModelError
from edgecnn.runtime.machine import usable_cpus
from edgecnn.runtime.providers import import_runtime

__all__ = ["optimised", "session_of"]


def session_of(model: onnx.ModelProto) -> Any:
    """Open a graph on the CPU.

    Raises
    ------
    ModelError
        ONNX Runtime refuses it.
    """
    return _open(model, None, basic=False)


def optimised(model: onnx.ModelProto, *, basic: bool) -> onnx.ModelProto:
    """Return the graph that ONNX Runtime makes of a graph.

    Parameters
    ----------
    model : onnx.ModelProto
    basic : bool
        Only what holds on every machine: constants folded, redundant nodes dropped, batch
        normalisation and sums fused into what precedes them. Otherwise everything that it does on
        this machine before it runs, fusion to 8-bit kernels included.
    """
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        path = Path(folder, "optimised.onnx")
        _open(model, path, basic=basic)
        return onnx.load_model(path)


def _open(model: onnx.ModelProto, written: Path | None, *, basic: bool) -> Any:
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = usable_cpus()
    if written is not None:
        options.optimized_model_filepath = str(written)
    if basic:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        return runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    # ONNX Runtime's errors have no base class of their own.
    except Exception as error:
        raise ModelError(
            f"ONNX Runtime refuses the graph: {' '.join(str(error).split())[-200:]}"
        ) from error
