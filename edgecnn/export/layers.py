"""The layers of a graph as people count them: a convolution with what directly follows it is one.

Files that were quantized read like those that were not: pairs of ``QuantizeLinear`` and
``DequantizeLinear`` are passed through, and 8-bit weights are brought back to numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgecnn.export.taps import run_tapped
from edgecnn.preprocessing.tensors import Tensors

__all__ = ["ClassWeights", "Layer", "Network"]

#: What counts as a layer; anything else only moves or scales numbers.
_LAYERS = frozenset(
    {
        "Add", "AveragePool", "Concat", "Conv", "ConvTranspose", "GRU", "Gemm",
        "GlobalAveragePool", "GlobalMaxPool", "LSTM", "MatMul", "MaxPool", "ReduceMax",
        "ReduceMean", "DynamicQuantizeLSTM", "MatMulInteger",
    }
)  # fmt: skip
#: What is counted to the layer before.
_FOLLOWERS = frozenset(
    {
        "BatchNormalization", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
        "Mish", "PRelu", "Relu", "Selu", "Sigmoid", "Softplus", "Tanh", "ThresholdedRelu",
    }
)  # fmt: skip
_QUANTIZING = frozenset({"QuantizeLinear", "DequantizeLinear"})
#: What stands between a pooled tensor and the dense layer behind it, without computing anything.
_RESHAPING = _QUANTIZING | {"Dropout", "Flatten", "Identity", "Reshape", "Squeeze"}
_READABLE: dict[str, str] = {
    "Gemm": "dense",
    "MatMul": "dense",
    "Conv": "conv",
    "MaxPool": "max pool",
}
_READABLE |= {"AveragePool": "mean pool", "GlobalAveragePool": "global mean", "Add": "sum"}
_READABLE |= {"GlobalMaxPool": "global max", "ReduceMean": "mean", "ReduceMax": "max"}
_READABLE |= {"ConvTranspose": "transposed conv", "Clip": "ReLU6", "Relu": "ReLU"}
_READABLE |= {"BatchNormalization": "batch norm", "Concat": "joined"}
_READABLE |= {"DynamicQuantizeLSTM": "LSTM", "MatMulInteger": "dense"}


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes
    ----------
    title : str
        For people: ``"conv 5×5 + ReLU"``.
    tensor : str
        Name of what it gives, its activation included.
    """

    title: str
    tensor: str


@dataclass(frozen=True, eq=False)
class ClassWeights:
    """The last layer of a network that ends in a global mean and one dense layer.

    Attributes
    ----------
    features : str
        Name of the tensor that the mean is taken of, shape ``(N, channels, ...)``.
    weights : ndarray of float32, shape (classes, channels)
    """

    features: str
    weights: NDArray[np.float32]


class Network:
    """A graph that can be asked for its layers, and what they give.

    Parameters
    ----------
    model : onnx.ModelProto or Path
        A file must be one that ONNX Runtime has opened: it is not checked again.
    """

    def __init__(self, model: onnx.ModelProto | Path) -> None:
        self.model = onnx.load_model(model) if isinstance(model, Path) else model
        model = self.model
        self._makers = {name: node for node in model.graph.node for name in node.output if name}
        self._readers: Mapping[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in model.graph.node:
            for name in node.input:
                self._readers[name].append(node)
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the order in which they are computed."""
        found = []
        for node in self.model.graph.node:
            if node.op_type not in _LAYERS or self._is_bias(node) or self._is_a_shape(node):
                continue
            parts, tensor = [self._title(node)], self._scaled(node)
            while (follower := self._follower(tensor)) is not None:
                if follower.op_type in _FOLLOWERS:
                    parts.append(_READABLE.get(follower.op_type, follower.op_type))
                tensor = follower.output[0]
            found.append(Layer(" + ".join(parts), tensor))
        return tuple(found)

    @cached_property
    def first_kernels(self) -> NDArray[np.float32] | None:
        """Weights of the first convolution, ``(out, in, H, W)`` or ``(out, in, T)``; None: none.

        Those of channels of zeros, which quantizing adds for speed, are left out.
        """
        for node in self.model.graph.node:
            if node.op_type == "Conv":
                weights = self.constant(node.input[1])
                added = self._added_channels(node)
                return weights if weights is None or not added else weights[:, :-added]
        return None

    def class_weights(self, output: str) -> ClassWeights | None:
        """Return what a class-activation map is made of (Zhou et al. 2016, arXiv:1512.04150).

        Parameters
        ----------
        output : str
            Name of the logits.

        Returns
        -------
        ClassWeights or None
            None where the network does not end in a global mean and one dense layer.
        """
        node = self._makers.get(output)
        while node is not None and (node.op_type in _RESHAPING or self._is_bias(node)):
            node = self._makers.get(self._data_input(node))
        if node is None or node.op_type not in ("Gemm", "MatMul"):
            return None
        weights = self.constant(node.input[1])
        if weights is None or weights.ndim != 2:
            return None
        if not (node.op_type == "Gemm" and _attribute(node, "transB", 0)):
            weights = weights.T
        before = self._makers.get(node.input[0])
        while before is not None and before.op_type in _RESHAPING:
            before = self._makers.get(before.input[0])
        if before is None or not self._is_global_mean(before):
            return None
        return ClassWeights(before.input[0], np.ascontiguousarray(weights))

    def constant(self, name: str) -> NDArray[np.float32] | None:
        """Return a tensor that does not depend on the input, 8-bit ones brought back to numbers."""
        if name in self._initializers:
            return numpy_helper.to_array(self._initializers[name]).astype(np.float32)
        node = self._makers.get(name)
        if node is None:
            return None
        if node.op_type == "Constant":
            value = next((a.t for a in node.attribute if a.name == "value"), None)
            return None if value is None else numpy_helper.to_array(value).astype(np.float32)
        if node.op_type == "Identity":
            return self.constant(node.input[0])
        if node.op_type != "DequantizeLinear":
            return None
        parts = [self.constant(part) for part in node.input]
        if any(part is None for part in parts):
            return None
        values, scale, *zero = parts
        assert values is not None
        assert scale is not None
        if scale.ndim == 1 and scale.size > 1:
            axis = _attribute(node, "axis", 1) % values.ndim
            shape = [-1 if i == axis else 1 for i in range(values.ndim)]
            scale, zero = scale.reshape(shape), [z.reshape(shape) for z in zero if z is not None]
        shifted = values - zero[0] if zero and zero[0] is not None else values
        result: NDArray[np.float32] = (shifted * scale).astype(np.float32)
        return result

    def run(self, names: Sequence[str], inputs: Tensors) -> dict[str, NDArray[np.float32]]:
        """Return what tensors hold for some inputs; see :func:`edgecnn.export.taps.run_tapped`."""
        return run_tapped(self.model, names, inputs)

    def _follower(self, tensor: str) -> onnx.NodeProto | None:
        """Return the node that is counted to what gives a tensor."""
        readers = self._readers[tensor]
        if any(reader.op_type == "QuantizeLinear" for reader in readers):
            # What others read of it is the same number before it is rounded.
            return next(reader for reader in readers if reader.op_type == "QuantizeLinear")
        if not readers or (readers[0].input[0] != tensor and not self._is_bias(readers[0])):
            return None
        if readers[0].op_type == "DequantizeLinear":
            return readers[0]
        if len(readers) == 1 and (readers[0].op_type in _FOLLOWERS or self._is_bias(readers[0])):
            return readers[0]
        return None

    def _scaled(self, node: onnx.NodeProto) -> str:
        """Return what a node gives: of a product of integers, what becomes of it by its scale."""
        tensor: str = node.output[0]
        if node.op_type == "MatMulInteger":
            while [reader.op_type for reader in self._readers[tensor]] in (["Cast"], ["Mul"]):
                tensor = self._readers[tensor][0].output[0]
        return tensor

    def _is_a_shape(self, node: onnx.NodeProto) -> bool:
        """Tell whether a node only puts the shape together that another tensor is given."""
        readers = self._readers[node.output[0]]
        return (
            node.op_type == "Concat"
            and all(
                reader.op_type == "Reshape" and reader.input[0] != node.output[0]
                for reader in readers
            )
            and bool(readers)
        )

    def _added_channels(self, node: onnx.NodeProto) -> int:
        """Count the channels that were put behind a convolution's input, none of them seen."""
        before = self._makers.get(node.input[0])
        while before is not None and before.op_type in _QUANTIZING:
            before = self._makers.get(before.input[0])
        if before is None or before.op_type != "Pad":
            return 0
        pads = self.constant(before.input[1])
        return 0 if pads is None else int(pads[len(pads) // 2 + 1])

    def _is_bias(self, node: onnx.NodeProto) -> bool:
        """Tell whether a sum adds nothing but constants."""
        return node.op_type == "Add" and any(self.constant(name) is not None for name in node.input)

    def _data_input(self, node: onnx.NodeProto) -> str:
        return str(next((n for n in node.input if self.constant(n) is None), node.input[0]))

    def _is_global_mean(self, node: onnx.NodeProto) -> bool:
        """Tell whether all axes behind the channels are averaged."""
        if node.op_type == "GlobalAveragePool":
            return True
        if node.op_type != "ReduceMean":
            return False
        axes = self.constant(node.input[1]) if len(node.input) > 1 else None
        listed = list(_ints(node, "axes")) if axes is None else axes.astype(int).ravel().tolist()
        # Pictures have two axes behind the channels, signals one.
        return tuple(sorted(listed)) in ((2, 3), (2,), (-2, -1), (-1,))

    def _title(self, node: onnx.NodeProto) -> str:
        name: str = _READABLE.get(node.op_type, node.op_type)
        if node.op_type in ("Conv", "ConvTranspose"):
            weights = self.constant(node.input[1])
            if weights is not None:
                if _attribute(node, "group", 1) == weights.shape[0] > 1:
                    name = "depthwise"
                name += " " + "×".join(map(str, weights.shape[2:]))
        elif sizes := _ints(node, "kernel_shape"):
            name += " " + "×".join(map(str, sizes))
        return name


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((int(a.i) for a in node.attribute if a.name == name), default)


def _ints(node: onnx.NodeProto, name: str) -> tuple[int, ...]:
    return next((tuple(a.ints) for a in node.attribute if a.name == name), ())
