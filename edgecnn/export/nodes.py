"""Write a piece of a graph, node by node, in few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike
from onnx import helper, numpy_helper

__all__ = ["EMBEDDED", "Nodes"]

#: Nodes and tensors that edgecnn put around a network bear names that begin with this.
EMBEDDED = "edgecnn."


class Nodes:
    """Nodes and constants that are being written, all named after one part.

    Parameters
    ----------
    part : str
        ``"prepare"`` or ``"decode"``.

    Examples
    --------
    >>> nodes = Nodes("demo")
    >>> nodes.add("Mul", "x", nodes.constant(2.0, np.float32))
    'edgecnn.demo.1'
    """

    def __init__(self, part: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._prefix = f"{EMBEDDED}{part}."
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Append a node and return its output's name, which is the node's unless stated."""
        name = f"{self._prefix}{len(self.nodes) + 1}"
        made = output or name
        self.nodes.append(helper.make_node(operator, list(inputs), [made], name=name, **attributes))
        return made

    def add_two(self, operator: str, *inputs: str, **attributes: Any) -> tuple[str, str]:
        """Append a node with two outputs and return their names."""
        name = f"{self._prefix}{len(self.nodes) + 1}"
        outputs = f"{name}.a", f"{name}.b"
        self.nodes.append(
            helper.make_node(operator, list(inputs), list(outputs), name=name, **attributes)
        )
        return outputs

    def constant(self, value: ArrayLike, dtype: DTypeLike) -> str:
        """Store a constant, equal ones once, and return its name."""
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"{self._prefix}c{len(self.constants) + 1}"
            self.constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def ints(self, *values: int) -> str:
        """Store a vector of int64."""
        return self.constant(values, np.int64)

    def cast(self, name: str, kind: int, *, output: str | None = None) -> str:
        """Append a cast to a type, as ``TensorProto`` numbers it."""
        return self.add("Cast", name, output=output, to=int(kind))

    def put_before(self, graph: onnx.GraphProto) -> None:
        """Let a graph begin with these nodes."""
        self._put(graph, [*self.nodes, *graph.node])

    def put_after(self, graph: onnx.GraphProto) -> None:
        """Let a graph end with these nodes."""
        self._put(graph, [*graph.node, *self.nodes])

    def _put(self, graph: onnx.GraphProto, nodes: Sequence[onnx.NodeProto]) -> None:
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(copies)
        graph.initializer.extend(self.constants)
