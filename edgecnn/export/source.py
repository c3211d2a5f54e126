"""What can be exported: whatever gives a graph, and the answers that the graph is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.export.axes import FreeAxes
from edgecnn.metadata import ExportLock
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["ROWS", "Answers", "Source"]

#: Rows at once, where the batch is free: all that they are inside of a network is held in memory.
ROWS = 32

#: Outputs by name, as 32-bit floats.
Answers = Mapping[str, NDArray[np.float32]]


class Source(Protocol):
    """A network in a form of its own.

    Attributes
    ----------
    file : Path or None
        What it was read from, if that is one file.
    title : str
        For messages: the module's class, the file's name.
    origin : str
        For messages: who gives the answers, ``"PyTorch"`` or ``"the original file"``.
    parameters : int
    opset : int
        The operator set that it is exported at unless another is asked for.
    batch : int or None
        The only batch size that it takes; None: any.
    alone : bool
        Whether a row's answer is the same whatever else is in its batch.
    lock : ExportLock
        By what content it can be found again; settings are filled in by the exporter.
    """

    file: Path | None
    title: str
    origin: str
    parameters: int
    opset: int
    batch: int | None
    alone: bool
    lock: ExportLock

    def outputs(self, named: Sequence[str]) -> tuple[str, ...]:
        """Return the names of all its outputs, given those that the contract names."""
        ...

    def answers(
        self, inputs: Tensors, outputs: Sequence[str], *, rows: int | None = None
    ) -> Answers:
        """Run inputs of any number of rows, so many at once.

        Raises
        ------
        ModelError
            It fails on them, or gives something else than these outputs.
        """
        ...

    def graph(
        self, samples: Tensors, outputs: Sequence[str], axes: FreeAxes, opset: int
    ) -> onnx.ModelProto:
        """Return its graph at exactly this opset, weights inside, these axes free.

        Raises
        ------
        ModelError
            It cannot be put into a graph.
        UsageError
            An opset that cannot be written.
        """
        ...

    def diverging_layer(
        self, graph: onnx.ModelProto, inputs: Tensors, *, atol: float, rtol: float
    ) -> str | None:
        """Name the first layer whose values in the graph are not its own; None: all are."""
        ...
