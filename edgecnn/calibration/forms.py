"""The forms that one network can be quantized to: the same ranges, other layers left in FP32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn.calibration.bias_correction import raised_biases
from edgecnn.calibration.dynamic import quantize_dynamically
from edgecnn.calibration.qdq import insert_qdq
from edgecnn.calibration.tensor_values import Range
from edgecnn.calibration.weights_only import WEIGHTED, quantize_weights
from edgecnn.export.strip_paths import strip_paths

__all__ = ["DynamicForms", "Forms", "Rest", "StaticForms", "WeightForms", "layers_of"]

_STATIC = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_DYNAMIC = frozenset({"Gather", "Gemm", "LSTM", "MatMul"})


Rest = Literal["8 bits", "4 bits", "FP16"]


class Forms(Protocol):
    """Makes quantized graphs of one network."""

    @property
    def rest(self) -> Rest:
        """What all layers have but those that are kept."""
        ...

    @property
    def is_timed(self) -> bool:
        """Whether this machine can tell how long they take."""
        ...

    def make(self, kept: Sequence[str] = ()) -> onnx.ModelProto:
        """Quantize all but these nodes: they keep more digits."""
        ...

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the nodes that can be kept so one by one: those with weights."""
        ...

    def kept(self, names: Sequence[str]) -> tuple[str, ...]:
        """Name all nodes that keep their digits where these are to."""
        ...

    def size_of(self, made: onnx.ModelProto, kept: Sequence[str]) -> int:
        """Return how many bytes a graph takes that was made with these kept."""
        ...


class _Files:
    """What holds of forms that are made as they will be written."""

    @property
    def rest(self) -> Rest:
        return "8 bits"

    @property
    def is_timed(self) -> bool:
        return True

    def kept(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(names)

    def size_of(self, made: onnx.ModelProto, kept: Sequence[str]) -> int:
        return int(made.ByteSize())


@dataclass(frozen=True)
class StaticForms(_Files):
    """Forms by calibrated ranges (QDQ).

    Attributes
    ----------
    prepared : onnx.ModelProto
        From :func:`edgecnn.calibration.prepare.prepare`.
    ranges : mapping of str to Range
    activations : "uint8" or "int8"
    reduce_range : bool
    exclude : tuple of str
        Nodes that stay FP32 in every form.
    corrections : mapping of str to ndarray
        What each layer's bias is raised by: see :mod:`edgecnn.calibration.bias_correction`.
    """

    prepared: onnx.ModelProto
    ranges: Mapping[str, Range]
    activations: Literal["uint8", "int8"]
    reduce_range: bool
    exclude: tuple[str, ...] = ()
    corrections: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def make(self, kept: Sequence[str] = ()) -> onnx.ModelProto:
        """Quantize all but these nodes, and those that stay FP32 in every form."""
        left_out = {*self.exclude, *kept}
        corrections = {k: v for k, v in self.corrections.items() if k not in left_out}
        with raised_biases(self.prepared, corrections):
            quantized = insert_qdq(
                self.prepared,
                self.ranges,
                activations=self.activations,
                reduce_range=self.reduce_range,
                exclude=tuple(dict.fromkeys((*self.exclude, *kept))),
            )
        strip_paths(quantized)
        return quantized

    @property
    def layers(self) -> tuple[str, ...]:
        """Convolutions and products that are quantized."""
        return layers_of(self.prepared, _STATIC, self.exclude)

    def without(self, names: Sequence[str]) -> StaticForms:
        """Return the forms that leave these out as well."""
        return replace(self, exclude=tuple(dict.fromkeys((*self.exclude, *names))))


@dataclass(frozen=True)
class DynamicForms(_Files):
    """Forms whose activations are quantized as they come.

    Attributes
    ----------
    reduce_range : bool
        Weights of 7 bits.
    """

    model: onnx.ModelProto
    exclude: tuple[str, ...] = ()
    reduce_range: bool = False

    def make(self, kept: Sequence[str] = ()) -> onnx.ModelProto:
        """Quantize all but these nodes."""
        quantized = quantize_dynamically(
            self.model, reduce_range=self.reduce_range, exclude=(*self.exclude, *kept)
        )
        strip_paths(quantized)
        return quantized

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers whose weights are quantized."""
        return layers_of(self.model, _DYNAMIC, self.exclude)


@dataclass(frozen=True)
class WeightForms(_Files):
    """Forms that store weights in 8 or 4 bits, and take activations in FP32.

    Attributes
    ----------
    bits : 8 or 4
        Of 4, what is kept has 8: that costs a quarter of FP32's size, and next to no accuracy.
    block : int
        Of 4 bits, weights that share a scale.
    """

    model: onnx.ModelProto
    exclude: tuple[str, ...] = ()
    bits: int = 8
    block: int = 32

    @property
    def rest(self) -> Rest:
        """What all layers have but those that are kept."""
        return "4 bits" if self.bits == 4 else "8 bits"

    def make(self, kept: Sequence[str] = ()) -> onnx.ModelProto:
        """Store the weights of all but these nodes."""
        four = self.bits == 4
        quantized = quantize_weights(
            self.model,
            exclude=self.exclude if four else (*self.exclude, *kept),
            bits=self.bits,
            block=self.block,
            eight=kept if four else (),
        )
        strip_paths(quantized)
        return quantized

    @property
    def layers(self) -> tuple[str, ...]:
        """Nodes with weights."""
        return layers_of(self.model, WEIGHTED, self.exclude)


def layers_of(
    model: onnx.ModelProto, operators: frozenset[str], exclude: Sequence[str]
) -> tuple[str, ...]:
    """Name the nodes of these operators that have weights, in the order of the graph."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return tuple(
        node.name
        for node in model.graph.node
        if node.op_type in operators
        and node.name not in exclude
        and any(name in constants for name in node.input)
    )
