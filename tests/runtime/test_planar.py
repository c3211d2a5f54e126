"""1-D networks opened as 2-D ones: the same answers, whatever stands between the convolutions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.bundled import resolve_model
from edgecnn.errors import NotAModelError
from edgecnn.runtime.planar import planar_graph, read_planar
from edgecnn.runtime.session import load_model

RNG = np.random.default_rng(0)


class Network:
    """Nodes put one after the other; ``x`` has 4 channels."""

    def __init__(self, opset: int = 17) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.opset = opset

    def weight(self, *shape: int) -> str:
        name = f"w{len(self.weights)}"
        values = RNG.normal(size=shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: object) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def conv(self, x: str, filters: int, channels: int, kernel: int = 5, **how: object) -> str:
        how = {"kernel_shape": [kernel], "pads": [kernel // 2] * 2, **how}
        return self.add(
            "Conv", x, self.weight(filters, channels, kernel), self.weight(filters), **how
        )

    def content(self, *outputs: str) -> bytes:
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4, "length"])
        ends = [helper.make_tensor_value_info(o, TensorProto.FLOAT, None) for o in outputs]
        graph = helper.make_graph(self.nodes, "g", [x], ends, self.weights)
        opset = [helper.make_opsetid("", self.opset)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def answers(content: bytes, x: np.ndarray) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


def residual(net: Network) -> tuple[str, ...]:
    one = net.add("Relu", net.conv("x", 16, 4, 9, strides=[4]))
    two = net.add("Relu", net.conv(one, 16, 16))
    total = net.add("Relu", net.add("Add", net.conv(two, 16, 16), one))
    return (net.add("GlobalAveragePool", total), net.add("ReduceMax", total, keepdims=0))


def pools(net: Network) -> tuple[str, ...]:
    x = net.conv("x", 8, 4, dilations=[2], pads=[3, 1])
    x = net.add("MaxPool", x, kernel_shape=[3], strides=[2], pads=[1, 0], ceil_mode=1)
    x = net.add("AveragePool", x, kernel_shape=[4], pads=[2, 1], count_include_pad=1)
    return (net.add("LeakyRelu", x, alpha=0.3),)


def grouped(net: Network) -> tuple[str, ...]:
    x = net.conv("x", 32, 4)
    x = net.add("Conv", x, net.weight(32, 1, 4), kernel_shape=[4], group=32, auto_pad="SAME_UPPER")
    scale = [net.weight(32) for _ in range(3)]
    x = net.add("BatchNormalization", x, *scale, net.weight(32))
    return (net.add("Clip", x, ""),)


def joined(net: Network) -> tuple[str, ...]:
    shared = net.weight(16, 4, 3)
    one, two = (net.add("Conv", "x", shared, kernel_shape=[3]) for _ in range(2))
    both = net.add("Concat", one, two, axis=1)
    half = net.add("Mul", both, net.weight())
    # What has a number per channel and step, and an axis of its own, must see the old axes.
    shifted = net.add("Add", half, net.weight(32, 1))
    return (half, net.add("Transpose", shifted, perm=[0, 2, 1]))


def recurrent(net: Network) -> tuple[str, ...]:
    steps = net.add("Transpose", net.conv("x", 16, 4), perm=[2, 0, 1])
    x = net.add("LSTM", steps, net.weight(1, 32, 16), net.weight(1, 32, 8), hidden_size=8)
    x = net.add("Transpose", net.add("Squeeze", x), perm=[1, 2, 0])
    return (net.conv(x, 16, 8),)


@pytest.mark.parametrize("build", [residual, pools, grouped, joined, recurrent])
def test_the_answers_stay(build: Callable[[Network], tuple[str, ...]]) -> None:
    net = Network()
    content = net.content(*build(net))
    planar = planar_graph(content)
    assert planar is not None
    assert {len(n.attribute[0].ints) for n in convolutions(planar)} == {2}
    x = RNG.normal(size=(3, 4, 100)).astype(np.float32)
    for ours, theirs in zip(answers(planar, x), answers(content, x), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def convolutions(content: bytes) -> list[onnx.NodeProto]:
    nodes = [n for n in onnx.load_model_from_string(content).graph.node if n.op_type == "Conv"]
    for node in nodes:
        node.attribute.sort(key=lambda attribute: attribute.name != "kernel_shape")
    return nodes


def old_operators(net: Network) -> None:
    net.opset = 12
    net.conv("x", 16, 4)


def odd_filters(net: Network) -> None:
    net.conv("x", 20, 4)


def made_weights(net: Network) -> None:
    net.add("Conv", "x", net.add("Identity", net.weight(16, 4, 3)), kernel_shape=[3])


@pytest.mark.parametrize("build", [old_operators, odd_filters, made_weights])
def test_what_would_not_be_faster_stays(build: Callable[[Network], None]) -> None:
    net = Network()
    build(net)
    assert planar_graph(net.content(f"t{len(net.nodes) - 1}")) is None


def test_of_the_bundled_files_the_beat_network_of_32_bits() -> None:
    names = ("ecg-beats", "ecg-beats.int8", "mnist-lenet5")
    found = [read_planar(resolve_model(f"bundled:{name}")) for name in names]
    assert [content is not None for content in found] == [True, False, False]
    onnx.checker.check_model(onnx.load_model_from_string(found[0]), full_check=True)


def test_weights_in_another_file_are_left_to_onnx_runtime(tmp_path: Path) -> None:
    net = Network()
    model = onnx.load_model_from_string(net.content(net.conv("x", 16, 4)))
    onnx.save_model(
        model, tmp_path / "m.onnx", save_as_external_data=True, location="w", size_threshold=0
    )
    assert read_planar(tmp_path / "m.onnx") is None


def test_a_model_is_opened_so() -> None:
    # ONNX Runtime takes the step that the file does not have.
    assert "Unsqueeze" in load_model("bundled:ecg-beats", provider="cpu").placement.operators


def test_a_file_that_is_cut_short_is_told_as_ever(tmp_path: Path) -> None:
    content = resolve_model("bundled:ecg-beats").read_bytes()
    for length in (0, 100, len(content) // 2):
        (tmp_path / "cut.onnx").write_bytes(content[:length])
        with pytest.raises(NotAModelError, match=r"cut\.onnx is not a readable ONNX model"):
            load_model(tmp_path / "cut.onnx")
