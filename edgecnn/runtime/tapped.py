"""A second session of a model that gives tensors inside its network too."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import ModelError
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.runtime.failure import failure_text
from edgecnn.runtime.graph_file import GraphFile, read_graph, with_outputs
from edgecnn.runtime.session import Model, half_inputs, open_session, run_session

__all__ = ["Tapped"]


class Tapped:
    """Runs a model for the sake of what happens inside it.

    It is a session of its own: making a tensor an output can keep ONNX Runtime from fusing what
    comes before, and the answers must be those of the file as it is.

    Parameters
    ----------
    model : Model
    names : sequence of str
        Tensors that nodes of its graph compute, and weights.
    graph : GraphFile, optional
        Of its file, where it was read already.

    Raises
    ------
    ModelError
        There is no such tensor, or weights lie in other files.
    """

    def __init__(
        self, model: Model, names: Sequence[str], *, graph: GraphFile | None = None
    ) -> None:
        graph = graph or read_graph(model.path)
        computed = {name for node in graph.nodes for name in node.outputs} | graph.weights.keys()
        if missing := [name for name in names if name not in computed]:
            raise ModelError(f"{model.path}: no node computes {missing[0]}")
        if graph.external:
            raise ModelError(
                f"{model.path} has weights in other files, and cannot be looked into while it runs",
                hint="`edgecnn export` writes one file",
            )
        self._names = tuple(names)
        new = [name for name in self._names if name not in graph.outputs]
        content = with_outputs(model.path.read_bytes(), new)
        with tempfile.TemporaryDirectory(prefix="edgecnn-") as folder:
            path = Path(folder, "tapped.onnx")
            path.write_bytes(content)
            self._session, _ = open_session(
                path,
                provider=model.placement.provider,
                threads=model.session.get_session_options().intra_op_num_threads,
                spinning=False,
            )
        self._half = half_inputs(self._session)
        # So that whatever ends a run of the model that hangs ends this one too.
        self._options = model.run_options

    def run(self, inputs: Tensors, names: Sequence[str] | None = None) -> list[NDArray[np.float32]]:
        """Return what the tensors, or some of them, hold for preprocessed inputs.

        Raises
        ------
        ModelError
            ONNX Runtime fails on them.
        """
        try:
            return run_session(
                self._session.run, names or self._names, inputs, self._half, self._options
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base class
            raise ModelError(f"the network failed on an input: {failure_text(error)}") from error
