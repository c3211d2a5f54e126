"""ONNX Runtime sessions of graphs that are in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.apart import LEAST_BYTES, WEIGHTS, write_apart
from edgecnn.errors import EdgeCNNError, ModelError
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.machine import usable_cpus
from edgecnn.runtime.providers import import_runtime

__all__ = ["optimised", "run_each", "session_of", "writing_to"]


def session_of(model: onnx.ModelProto, *, optimise: bool = True) -> Any:
    """Open a graph on the CPU.

    Parameters
    ----------
    model : onnx.ModelProto
    optimise : bool
        Let ONNX Runtime fuse and lay out what it runs; otherwise every node runs as it stands.

    Raises
    ------
    ModelError
        ONNX Runtime refuses it, or it is more than 2 GB.
    """
    return _open(model, None, level="ORT_ENABLE_ALL" if optimise else "ORT_DISABLE_ALL")


def run_each(session: Any, names: Sequence[str], inputs: Tensors) -> Iterator[NDArray[np.float32]]:
    """Run a session, and yield its outputs one by one: all of them copied would be held twice."""
    if not names:
        return
    binding = session.io_binding()
    for name, tensor in inputs.items():
        binding.bind_cpu_input(name, np.ascontiguousarray(tensor))
    for name in names:
        binding.bind_output(name)
    session.run_with_iobinding(binding)
    for value in binding.get_outputs():
        yield value.numpy()


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
        _open(model, path, level="ORT_ENABLE_BASIC" if basic else "ORT_ENABLE_ALL")
        return onnx.load_model(path)


@contextmanager
def writing_to(folder: str | Path) -> Iterator[None]:
    """Say in one line that a temporary folder is full, or not for us to write to.

    Raises
    ------
    EdgeCNNError
    """
    try:
        yield
    except OSError as error:
        raise EdgeCNNError(
            f"cannot write to {folder}: {error.strerror or error}",
            hint="TMPDIR names the folder for temporary files",
        ) from error


def _open(model: onnx.ModelProto, written: Path | None, *, level: str) -> Any:
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = usable_cpus()
    # Between two runs the others are counted and compared: threads that spin would be in the way.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # What a run took is given back: the next stage needs it.
    options.enable_cpu_mem_arena = False
    if written is not None:
        options.optimized_model_filepath = str(written)
        entry = "session.optimized_model_external_initializers_"
        options.add_session_config_entry(f"{entry}file_name", WEIGHTS)
        options.add_session_config_entry(f"{entry}min_size_in_bytes", str(LEAST_BYTES))
    options.graph_optimization_level = getattr(runtime.GraphOptimizationLevel, level)
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        # Through files: from memory, ONNX Runtime holds the bytes beside its own copy.
        path = Path(folder, "graph.onnx")
        with writing_to(folder):
            write_apart(model, path)
        return _session(runtime, path, options)


def _session(runtime: Any, path: Path, options: Any) -> Any:
    try:
        return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    # ONNX Runtime's errors have no base class of their own.
    except Exception as error:
        raise ModelError(
            f"ONNX Runtime refuses the graph: {' '.join(str(error).split())[-200:]}"
        ) from error
