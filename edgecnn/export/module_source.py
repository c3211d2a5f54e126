"""A PyTorch module as what is exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import onnx
import torch

from edgecnn.export.axes import FreeAxes
from edgecnn.export.hooks import diverging_module
from edgecnn.export.reference import copied, reference_answers
from edgecnn.export.source import Answers
from edgecnn.export.trace import DEFAULT_OPSET, trace
from edgecnn.export.weights_hash import weights_sha256
from edgecnn.metadata import ExportLock
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["ModuleSource"]


class ModuleSource:
    """A module, copied to the processor in evaluation mode; see :class:`~.source.Source`.

    Parameters
    ----------
    module : torch.nn.Module
    lock : ExportLock, optional
        Where it comes from; the default knows its class alone.
    """

    file: Path | None = None
    origin = "PyTorch"
    opset = DEFAULT_OPSET
    batch: int | None = None
    alone = True

    def __init__(self, module: torch.nn.Module, lock: ExportLock | None = None) -> None:
        self.network = copied(module)
        self.title = type(module).__name__
        self.parameters = sum(p.numel() for p in self.network.parameters())
        lock = lock or ExportLock(source="module", name=self.title)
        self.lock = msgspec.structs.replace(
            lock, weights_sha256=weights_sha256(self.network.state_dict())
        )

    def outputs(self, named: Sequence[str]) -> tuple[str, ...]:
        """Return the contract's: a module names none itself."""
        return tuple(named)

    def answers(
        self, inputs: Tensors, outputs: Sequence[str], *, rows: int | None = None
    ) -> Answers:
        """Run the module; see :meth:`.source.Source.answers`."""
        return reference_answers(self.network, inputs, outputs, rows=rows)

    def graph(
        self, samples: Tensors, outputs: Sequence[str], axes: FreeAxes, opset: int
    ) -> onnx.ModelProto:
        """Trace it; see :meth:`.source.Source.graph`."""
        return trace(self.network, samples, outputs=outputs, free_axes=axes, opset=opset)

    def diverging_layer(
        self, graph: onnx.ModelProto, inputs: Tensors, *, atol: float, rtol: float
    ) -> str | None:
        """Compare what every module gives; see :meth:`.source.Source.diverging_layer`."""
        return diverging_module(self.network, graph, inputs, atol=atol, rtol=rtol)
