"""What makes, reads and holds each tensor of a graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import onnx

__all__ = ["Wiring", "drop_unused"]


@dataclass(frozen=True)
class Wiring:
    """Look-ups by a tensor's name, as a graph stood when they were made.

    Attributes
    ----------
    makers : mapping of str to onnx.NodeProto
        The node that computes it.
    readers : mapping of str to list of onnx.NodeProto
        The nodes that read it, once for each time; empty for what nothing reads.
    constants : mapping of str to onnx.TensorProto
        Weights and other values that lie in the graph.
    """

    makers: Mapping[str, onnx.NodeProto]
    readers: Mapping[str, list[onnx.NodeProto]]
    constants: Mapping[str, onnx.TensorProto]

    @classmethod
    def of(cls, graph: onnx.GraphProto) -> Wiring:
        """Look through a graph once."""
        readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                readers[name].append(node)
        return cls(
            makers={name: node for node in graph.node for name in node.output},
            readers=readers,
            constants={tensor.name: tensor for tensor in graph.initializer},
        )

    def made_by(self, name: str, operator: str) -> onnx.NodeProto | None:
        """Return the node that computes a tensor, if it is of this kind."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type == operator else None


def drop_unused(graph: onnx.GraphProto) -> None:
    """Take out constants that no node reads any more."""
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
