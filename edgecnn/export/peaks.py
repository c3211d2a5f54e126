"""How large the numbers inside a network become."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from edgecnn.errors import ModelError
from edgecnn.export.embed import serialized
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.failure import failure_text
from edgecnn.runtime.session import open_session

__all__ = ["activation_peaks"]

#: Rows per run: their activations are in memory together.
_ROWS = 4


def activation_peaks(
    model: onnx.ModelProto, names: Sequence[str], inputs: Tensors
) -> dict[str, float]:
    """Return the largest magnitude of each tensor over some inputs.

    The maximum is taken inside the graph, so that no activation outlives its use.

    Parameters
    ----------
    model : onnx.ModelProto
        Of opset 1 to 23, on the CPU.
    names : sequence of str
        Float tensors that nodes compute.
    inputs : mapping of str to ndarray
        Preprocessed; the first axis is the batch.

    Raises
    ------
    ModelError
        ONNX Runtime refuses graph or inputs.
    """
    measured = onnx.ModelProto()
    measured.CopyFrom(model)
    graph = measured.graph
    del graph.output[:]
    peaks = {name: f"edgecnn.peak.{i}" for i, name in enumerate(names)}
    for name, peak in peaks.items():
        graph.node.append(onnx.helper.make_node("Abs", [name], [f"{peak}.abs"]))
        graph.node.append(onnx.helper.make_node("ReduceMax", [f"{peak}.abs"], [peak], keepdims=0))
        graph.output.append(onnx.helper.make_tensor_value_info(peak, onnx.TensorProto.FLOAT, []))
    if not peaks:
        return {}
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        path = Path(folder, "peaks.onnx")
        path.write_bytes(serialized(measured))
        session, _ = open_session(path, provider="cpu")
    largest = np.zeros(len(peaks))
    count = len(next(iter(inputs.values())))
    # Some files are made for one row at a time.
    fixed = graph.input[0].type.tensor_type.shape.dim[0].dim_value if graph.input else 0
    step = fixed or _ROWS
    for start in range(0, count, step):
        rows = {name: x[start : start + step] for name, x in inputs.items()}
        try:
            values = session.run(list(peaks.values()), rows)
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise ModelError(f"the network failed on an input: {failure_text(error)}") from error
        largest = np.maximum(largest, [float(value) for value in values])
    return dict(zip(peaks, largest.tolist(), strict=True))
