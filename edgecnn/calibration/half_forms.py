"""The FP16 forms that a network can take: ever more of it left in FP32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import onnx

from edgecnn.calibration.forms import Rest
from edgecnn.export.fp16 import Fp16Graph, measure_peaks, to_fp16
from edgecnn.export.fp16_rounding import with_rounding
from edgecnn.export.strip_paths import strip_paths
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["HalfForms"]


@dataclass(frozen=True)
class HalfForms:
    """Forms in FP16, given as FP32 graphs that round as a GPU does.

    Inside a layer sums are FP32 anyhow, so one that is FP32 alone gains nothing: it reads rounded
    numbers, and what it gives is rounded. What is kept is therefore what a layer *gives*, up to
    where it has been read: the layer, and those behind it.

    Attributes
    ----------
    model : onnx.ModelProto
        In FP32.
    inputs : mapping of str to ndarray
        Preprocessed calibration examples: what overflows on them stays FP32 in every form.
    exclude : tuple of str
        Nodes that stay FP32 in every form.
    """

    model: onnx.ModelProto
    inputs: Tensors
    exclude: tuple[str, ...] = ()

    @property
    def rest(self) -> Rest:
        """What all layers have but those that are kept."""
        return "FP16"

    @property
    def is_timed(self) -> bool:
        """FP16 is for another machine than this one."""
        return False

    def halve(self, kept: Sequence[str] = ()) -> Fp16Graph:
        """Convert all but these layers, with what reads them."""
        half = to_fp16(
            self.model,
            keep_io=True,
            block=(*self.exclude, *self.kept(kept)),
            peaks=self._peaks,
        )
        strip_paths(half.model)
        return half

    def make(self, kept: Sequence[str] = ()) -> onnx.ModelProto:
        """Return the graph with FP16's rounding that gives what the file gives on a GPU."""
        return with_rounding(self.halve(kept).model)

    @property
    def layers(self) -> tuple[str, ...]:
        """Nodes that compute in FP16: any may lose digits, with weights or without."""
        return self._all.layers

    def kept(self, names: Sequence[str]) -> tuple[str, ...]:
        """Name these layers and the nodes that read what they give, in the order of the graph."""
        given = {
            name for node in self.model.graph.node if node.name in names for name in node.output
        }
        return tuple(
            node.name
            for node in self.model.graph.node
            if node.name in names or given.intersection(node.input)
        )

    def size_of(self, made: onnx.ModelProto, kept: Sequence[str]) -> int:
        """Return how many bytes the FP16 graph takes, not the one that stands for it."""
        return int(self.halve(kept).model.ByteSize())

    @cached_property
    def _peaks(self) -> dict[str, float]:
        return measure_peaks(self.model, self.inputs)

    @cached_property
    def _all(self) -> Fp16Graph:
        return self.halve()
