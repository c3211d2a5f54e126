"""Type and shape of every tensor of a graph, found by running it once.

A file need not state the shapes between its layers, and what infers them, the ``onnx`` package, is
not on a device. ONNX Runtime is: with every tensor made an output, one run on zeros tells them all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn.runtime.graph_file import GraphFile, with_outputs
from edgecnn.runtime.providers import import_runtime

__all__ = ["Extent", "tensor_extents"]

#: More than this is not held in memory to be looked at.
_MOST_NODES = 5000


@dataclass(frozen=True)
class Extent:
    """Type and shape of a tensor, with a batch of 1."""

    type: str
    shape: tuple[int, ...]
    size_bytes: int

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def tensor_extents(
    file: Path, graph: GraphFile, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Extent], str]:
    """Run a graph on zeros and look at everything that it computes.

    Parameters
    ----------
    file : Path
    graph : GraphFile
        What is in it.
    shapes : mapping of str to tuple
        Shapes of inputs without their batch axis, for axes that the graph leaves open.

    Returns
    -------
    extents : dict of str to Extent
        Inputs, and outputs of nodes; empty when it cannot be run.
    problem : str
        Why not; empty when it could.
    """
    if len(graph.nodes) > _MOST_NODES:
        return {}, f"{len(graph.nodes):,} nodes: too many to be run for their shapes"
    runtime = import_runtime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", str(file.resolve().parent)
    )
    present = set(graph.outputs)
    names = [n for node in graph.nodes for n in node.outputs if n and n not in present]
    try:
        session = runtime.InferenceSession(
            with_outputs(file.read_bytes(), names), options, providers=["CPUExecutionProvider"]
        )
        inputs, problem = _zeros(session, shapes)
        if problem:
            return {}, problem
        wanted = [*names, *graph.outputs]
        values = dict(zip(wanted, session.run(wanted, inputs), strict=True)) | inputs
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        text = " ".join(str(error).split())
        return {}, f"it cannot be run on zeros: {text[-160:]}"
    return {
        name: Extent(_TYPE.get(str(x.dtype), str(x.dtype)), x.shape, x.nbytes)
        for name, x in values.items()
        if isinstance(x, np.ndarray)
    }, ""


_TYPE = {"float32": "float", "float64": "double"}
_NUMPY = {"float": "float32", "double": "float64"}


def _zeros(
    session: Any, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, np.ndarray[Any, Any]], str]:
    inputs = {}
    for item in session.get_inputs():
        kind = item.type.removeprefix("tensor(").removesuffix(")")
        axes = list(item.shape)
        if axes and not isinstance(axes[0], int):
            axes[0] = 1
        known = shapes.get(item.name, ())
        if len(known) == len(axes) - 1:
            axes[1:] = [
                axis if isinstance(axis, int) else length
                for axis, length in zip(axes[1:], known, strict=True)
            ]
        if unknown := [axis for axis in axes if not isinstance(axis, int)]:
            return {}, f"axis {unknown[0]!r} of input {item.name!r} has no known length"
        if kind == "string":
            inputs[item.name] = np.full(axes, "", dtype=object)
            continue
        inputs[item.name] = np.zeros(axes, _NUMPY.get(kind, kind))
    return inputs, ""
