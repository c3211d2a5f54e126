"""Small graphs with seeded weights, for tests that need no training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class GraphMaker:
    """Writes one node after the other."""

    def __init__(self, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, name: str = "", **attributes: object) -> str:
        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [f"{name}_out"], name, **attributes)
        )
        return f"{name}_out"

    def constant(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def conv(
        self,
        source: str,
        shape: Sequence[int],
        *,
        name: str,
        scale: float = 0.3,
        **attributes: object,
    ) -> str:
        weights = self.random.normal(0, scale, shape).astype(np.float32)
        bias = self.random.normal(0, 0.1, shape[0]).astype(np.float32)
        self.constant(f"{name}_w", weights)
        self.constant(f"{name}_b", bias)
        return self.add("Conv", source, f"{name}_w", f"{name}_b", name=name, **attributes)

    def gemm(self, source: str, inputs: int, outputs: int, *, name: str) -> str:
        self.constant(f"{name}_w", self.random.normal(0, 0.3, (outputs, inputs)).astype(np.float32))
        self.constant(f"{name}_b", self.random.normal(0, 0.1, outputs).astype(np.float32))
        return self.add("Gemm", source, f"{name}_w", f"{name}_b", name=name, transB=1)

    def model(self, output: str, shape: Sequence[int], *, side: int = 12) -> onnx.ModelProto:
        self.add("Identity", output, name="last")
        self.nodes[-1].output[0] = "logits"
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, side, side])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", *shape])],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def mobile_net(seed: int = 0) -> onnx.ModelProto:
    """A block of MobileNetV3: hard-swish, depthwise, squeeze-and-excitation."""
    g = GraphMaker(seed)

    def swish(x: str, name: str) -> str:
        gate = g.add("HardSigmoid", x, name=f"{name}_gate", alpha=1 / 6, beta=0.5)
        return g.add("Mul", x, gate, name=f"{name}_mul")

    x = swish(g.conv("input", (8, 3, 3, 3), name="stem", pads=[1] * 4), "stem")
    x = swish(g.conv(x, (16, 8, 1, 1), name="expand"), "expand")
    x = g.add("Relu", g.conv(x, (16, 1, 3, 3), name="depthwise", group=16, pads=[1] * 4))
    g.constant("axes", np.array([2, 3], np.int64))
    pooled = g.add("ReduceMean", x, "axes", name="squeeze", keepdims=1)
    s = g.add("Relu", g.conv(pooled, (4, 16, 1, 1), name="reduce"))
    s = g.add("HardSigmoid", g.conv(s, (16, 4, 1, 1), name="excite"), name="excite_gate")
    x = g.add("Mul", x, s, name="scale")
    x = g.conv(x, (8, 16, 1, 1), name="project")
    pooled = g.add("ReduceMean", x, "axes", name="pool", keepdims=1)
    flat = g.add("Flatten", pooled)
    return g.model(g.gemm(flat, 8, 5, name="dense"), [5])


def conv_chain(length: int = 3, seed: int = 0) -> onnx.ModelProto:
    """Convolutions with ReLU, then a dense layer."""
    g = GraphMaker(seed)
    x, channels = "input", 3
    for number in range(length):
        x = g.add("Relu", g.conv(x, (8, channels, 3, 3), name=f"conv{number}", pads=[1] * 4))
        channels = 8
    flat = g.add("Flatten", g.add("GlobalAveragePool", x))
    return g.model(g.gemm(flat, 8, 4, name="dense"), [4])


def pictures(count: int = 16, side: int = 12, seed: int = 1) -> dict[str, np.ndarray]:
    """Noise of unequal strength, as an input."""
    random = np.random.default_rng(seed)
    strength = random.uniform(0.3, 2, (count, 1, 1, 1))
    return {"input": (random.normal(0, 1, (count, 3, side, side)) * strength).astype(np.float32)}
