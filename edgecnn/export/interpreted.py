"""What every node of a ``torch.export`` program gives, held against what its graph gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch

from edgecnn.export.bisect import agree
from edgecnn.export.scopes import layer_title
from edgecnn.export.taps import run_tapped
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["diverging_node"]


class _Recorder(torch.fx.Interpreter):
    """Runs a program node by node and keeps what each gives, by the node's name."""

    def __init__(self, module: torch.fx.GraphModule) -> None:
        super().__init__(module)
        self.values: dict[str, Any] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        """Run one node, and note it."""
        value = super().run_node(n)
        if isinstance(value, torch.Tensor):
            self.values[n.name] = value.detach().numpy().copy()
        return value


def diverging_node(
    program: torch.export.ExportedProgram,
    graph: onnx.ModelProto,
    inputs: Tensors,
    *,
    atol: float,
    rtol: float,
) -> str | None:
    """Name the layer of the first node whose value in the graph is not the program's.

    Parameters and result are those of :func:`edgecnn.export.hooks.diverging_module`; a graph's
    tensors have the names of the program's nodes.
    """
    recorder = _Recorder(program.module())
    with torch.inference_mode():
        recorder.run(*(torch.from_numpy(np.ascontiguousarray(x)) for x in inputs.values()))
    makers = {
        name: node for node in graph.graph.node for name in node.output if name in recorder.values
    }
    if not makers:
        return None
    found = run_tapped(graph, list(makers), inputs)
    for name, node in makers.items():
        wanted = recorder.values[name]
        if wanted.shape == found[name].shape and not agree(
            found[name], wanted, atol=atol, rtol=rtol
        ):
            return layer_title(node)
    return None
