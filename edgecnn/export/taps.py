"""Look into a network while it runs: tensors inside a graph made outputs of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.errors import ModelError
from edgecnn.export.embed import serialized
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.failure import failure_text
from edgecnn.runtime.session import half_inputs, open_session, run_session

__all__ = ["add_taps", "run_tapped"]


def add_taps(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Return a copy of a graph whose outputs are its own, and these tensors.

    Raises
    ------
    ModelError
        A tensor that no node computes.
    """
    computed = {name for node in model.graph.node for name in node.output}
    if unknown := [name for name in names if name not in computed]:
        raise ModelError(f"no node computes {unknown[0]}")
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    present = {value.name for value in tapped.graph.output}
    for name in names:
        if name not in present:
            # Without a type: ONNX Runtime infers it.
            tapped.graph.output.append(onnx.ValueInfoProto(name=name))
            present.add(name)
    return tapped


def run_tapped(
    model: onnx.ModelProto, names: Sequence[str], inputs: Tensors
) -> dict[str, NDArray[np.float32]]:
    """Run inputs through a network on the CPU and return what these tensors hold.

    Parameters
    ----------
    model : onnx.ModelProto
    names : sequence of str
        Outputs of its nodes.
    inputs : mapping of str to ndarray
        Preprocessed; the first axis is the batch.

    Raises
    ------
    ModelError
        No such tensor, or ONNX Runtime refuses graph or inputs.
    """
    with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
        path = Path(folder, "tapped.onnx")
        path.write_bytes(serialized(add_taps(model, names)))
        session, _ = open_session(path, provider="cpu")
    wanted = list(dict.fromkeys(names))
    try:
        values = run_session(session.run, wanted, inputs, half_inputs(session))
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelError(f"the network failed on an input: {failure_text(error)}") from error
    return dict(zip(wanted, values, strict=True))
