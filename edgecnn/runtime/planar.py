"""Convolutions along one axis as convolutions of pictures that are one row high.

On a CPU, ONNX Runtime has its fast kernels, blocked by channels, for convolutions along two axes
only; along one axis it unfolds every window into a matrix, which takes about twice as long. With an
axis of height 1 put in between, the sums are the same. So that is done to the graph of a 1-D
network as it is opened; the file stays as it is, for every tool that looks at its layers.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from edgecnn.runtime.graph_file import GraphFile, Node, parse_graph, parse_node
from edgecnn.runtime.protobuf import fields, message, number_field, parts, text

__all__ = ["planar_graph", "read_planar"]

#: Larger files are opened as they are: the copy would take more than it gives.
_MOST_BYTES = 1 << 28
#: Since this one, the axes of Squeeze and Unsqueeze are an input.
_LEAST_OPSET = 13

#: Filters are worked on 16 at a time; of more than these, no multiple, too much would be padding.
_BLOCK = 16

#: What works on each number by itself; further inputs are bounds, or a number per channel.
_EACH = frozenset(
    {"Relu", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Softplus"}
    | {"Gelu", "Mish", "Clip", "Identity", "BatchNormalization"}
)
_TOGETHER = frozenset({"Add", "Sub", "Mul", "Div", "Sum", "Max", "Min"})
_POOLS = frozenset({"MaxPool", "AveragePool"})
_WHOLE = frozenset({"GlobalAveragePool", "GlobalMaxPool"})
#: What each attribute of a kernel says of the new axis.
_KERNEL = {"kernel_shape": 1, "strides": 1, "dilations": 1, "pads": 0}

# Field numbers of onnx.proto, and types of attributes and tensors.
_GRAPH, _NODE, _WEIGHT, _SHAPE = 7, 1, 5, 13
_INPUT, _OUTPUT, _OPERATOR, _ATTRIBUTE = 1, 2, 4, 5
_INTS, _INT64 = 7, 7
_AXIS = "edgecnn.planar.axis"


def read_planar(file: Path) -> bytes | None:
    """Read a file as :func:`planar_graph` has it; None for one that is to be opened as it is."""
    try:
        if not 0 < file.stat().st_size <= _MOST_BYTES:
            return None
        with file.open("rb") as opened:
            content = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
            # Nothing is read of a network of pictures but its first few nodes.
            return planar_graph(content) if _begins_along_one_axis(content) else None
    except (OSError, ValueError, IndexError):
        # What is wrong with a file, ONNX Runtime says.
        return None


def planar_graph(content: bytes | memoryview) -> bytes | None:
    """Return a model whose 1-D convolutions are 2-D ones; None if it has none that can be.

    Inputs, outputs and their shapes stay. A convolution can be if its weights are FP32 and in the
    file; what stands between two of them, and works on each number or along their axis, goes with
    them. Left as they are is what would not be faster: models of 8 bits, and those with numbers of
    filters that are above 16 and no multiple of it.

    Raises
    ------
    ValueError
        It is no ONNX model, or is cut short.
    """
    graph = parse_graph(content)
    operators = {node.operator for node in graph.nodes}
    if graph.opset.get("", 0) < _LEAST_OPSET or "QuantizeLinear" in operators or graph.external:
        return None
    kernels = [graph.weights.get(n.inputs[1]) for n in graph.nodes if n.operator == "Conv"]
    filters = [kernel.shape[0] for kernel in kernels if kernel is not None and kernel.shape]
    if any(count > _BLOCK and count % _BLOCK for count in filters):
        return None
    rewriting = _Rewriting(graph)
    written: list[bytes | memoryview] = []
    for number, value, whole in parts(content):
        if number == _GRAPH and isinstance(value, memoryview):
            inside = rewriting.graph(value)
            if not rewriting.convolutions:
                return None
            written.append(message(_GRAPH, inside))
        else:
            written.append(whole)
    return b"".join(written)


def _begins_along_one_axis(content: memoryview) -> bool:
    """Whether the first convolution of a model has a kernel of one axis."""
    for number, value in fields(content):
        if number != _GRAPH or not isinstance(value, memoryview):
            continue
        for kind, inside in fields(value):
            if kind == _NODE and isinstance(inside, memoryview):
                node = parse_node(inside)
                if node.operator == "Conv":
                    return len(node.ints.get("kernel_shape", ())) == 1
    return False


class _Rewriting:
    """A graph, node by node: which tensors have the new axis by now, under which names."""

    def __init__(self, graph: GraphFile) -> None:
        self._file = graph
        self._planar: dict[str, str] = {}
        self._given_back: set[str] = set()
        self._kernels: set[str] = set()
        self._out: list[bytes | memoryview] = []
        self.convolutions = 0

    def graph(self, content: memoryview) -> bytes:
        """Return the graph's fields, rewritten."""
        rest: list[memoryview] = []
        nodes = iter(self._file.nodes)
        for number, value, whole in parts(content):
            if number == _NODE and isinstance(value, memoryview):
                self._node(next(nodes), value, whole)
            elif number != _SHAPE:
                # Shapes between the layers are found anew; the old ones are wrong now.
                rest.append(whole)
        for name in self._file.outputs:
            self._give_back(name)
        axis = number_field(1, 1) + number_field(2, _INT64) + message(8, _AXIS.encode())
        axis += message(9, struct.pack("<q", 2))
        return b"".join([*self._out, *rest, message(_WEIGHT, axis)])

    def _node(self, node: Node, content: memoryview, whole: memoryview) -> None:
        if not self._goes_along(node):
            for name in (*node.inputs, *node.captured):
                self._give_back(name)
            self._out.append(whole)
            return
        inputs = {name: self._planar[name] for name in node.inputs if name in self._planar}
        if node.operator == "Conv":
            self.convolutions += 1
            data, kernel = node.inputs[:2]
            if data not in inputs:
                inputs[data] = self._with_axis(data)
                self._planar[data] = inputs[data]
                self._given_back.add(data)
            # A constant: it is folded into the weights as the model is opened.
            inputs[kernel] = _new(kernel)
            if kernel not in self._kernels:
                self._kernels.add(kernel)
                self._with_axis(kernel)
        self._planar[node.outputs[0]] = _new(node.outputs[0])
        self._out.append(message(_NODE, b"".join(self._rewritten(content, inputs))))

    def _goes_along(self, node: Node) -> bool:
        """Whether a node does the same to tensors with the new axis."""
        if node.domain not in ("", "ai.onnx") or len(node.outputs) != 1 or not node.inputs:
            return False
        known = [name in self._planar for name in node.inputs]
        along = len(node.ints.get("kernel_shape", ())) == 1
        if node.operator == "Conv":
            kernel = self._file.weights.get(node.inputs[1])
            return along and kernel is not None and kernel.type == "float"
        if node.operator in _POOLS:
            return known[0] and along
        if node.operator in _TOGETHER:
            return any(known) and all(
                is_known or self._is_number(name)
                for is_known, name in zip(known, node.inputs, strict=True)
            )
        if node.operator == "Concat":
            return all(known) and node.number("axis", 0) == 1
        return known[0] and not any(known[1:]) and node.operator in _EACH | _WHOLE

    def _is_number(self, name: str) -> bool:
        weight = self._file.weights.get(name)
        return weight is not None and weight.count == 1 and len(weight.shape) < 2

    def _with_axis(self, name: str) -> str:
        self._out.append(_step("Unsqueeze", name, _new(name)))
        return _new(name)

    def _give_back(self, name: str) -> None:
        """Take the new axis out again, for whatever reads the tensor as it was."""
        if name in self._planar and name not in self._given_back:
            self._given_back.add(name)
            self._out.append(_step("Squeeze", self._planar[name], name))

    def _rewritten(
        self, content: memoryview, inputs: dict[str, str]
    ) -> Iterator[bytes | memoryview]:
        for number, value, whole in parts(content):
            name = text(value) if number in (_INPUT, _OUTPUT) else ""
            if number == _INPUT and name in inputs:
                yield message(_INPUT, inputs[name].encode())
            elif number == _OUTPUT:
                yield message(_OUTPUT, self._planar[name].encode())
            elif number == _ATTRIBUTE and isinstance(value, memoryview):
                yield _wider(value, whole)
            else:
                yield whole


def _new(name: str) -> str:
    return f"{name}/edgecnn.planar"


def _step(operator: str, name: str, result: str) -> bytes:
    inputs = message(_INPUT, name.encode()) + message(_INPUT, _AXIS.encode())
    return message(
        _NODE, inputs + message(_OUTPUT, result.encode()) + message(_OPERATOR, operator.encode())
    )


def _wider(content: memoryview, whole: memoryview) -> bytes | memoryview:
    """Give an attribute of a kernel what it says of the new axis."""
    name = text(dict(fields(content)).get(1))
    if name not in _KERNEL:
        return whole
    values = list(parse_node(memoryview(message(_ATTRIBUTE, bytes(content)))).ints[name])
    half = len(values) // 2 if name == "pads" else len(values)
    new = [_KERNEL[name]]
    values = [*new, *values[:half], *new, *values[half:]] if name == "pads" else new + values
    ints = b"".join(number_field(8, value) for value in values)
    kind = number_field(20, _INTS)
    return message(_ATTRIBUTE, message(1, name.encode()) + ints + kind)
