"""Deep 8-bit convolutions for a processor's tile unit: the same bits, and only where it is sure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.errors import NotAModelError
from edgecnn.runtime import tile_weights as module
from edgecnn.runtime.opening import open_session
from edgecnn.runtime.tile_weights import read_tile_weights, tile_weights

RNG = np.random.default_rng(0)


class Quantized:
    """Convolutions of 8 bits behind each other, as ``edgecnn quantize`` writes them."""

    def __init__(self, channels: int = 64, *, activations: type = np.uint8) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.channels = channels
        self.activations = activations

    def keep(self, values: np.ndarray, name: str) -> str:
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def rounded(self, x: str) -> str:
        scale = self.keep(np.float32(0.05), f"{x}_scale")
        zero = self.keep(self.activations(10), f"{x}_zero")
        self.nodes += [
            helper.make_node("QuantizeLinear", [x, scale, zero], [f"{x}_q"]),
            helper.make_node("DequantizeLinear", [f"{x}_q", scale, zero], [f"{x}_dq"]),
        ]
        return f"{x}_dq"

    def conv(
        self,
        x: str,
        steps: np.ndarray,
        *,
        zero: int | None = 0,
        packed: bool = False,
        group: int = 1,
        made: str | None = None,
    ) -> str:
        """Add a convolution that keeps the size; ``packed``: its zero points are varints."""
        name = f"w{len(self.nodes)}"
        if made is None:
            made = f"{name}_dq"
            inputs = [self.keep(steps.astype(np.int8), name)]
            inputs.append(
                self.keep(RNG.uniform(0.01, 0.02, len(steps)).astype(np.float32), "s" + name)
            )
            if zero is not None and packed:
                values = [zero] * len(steps)
                self.weights.append(
                    helper.make_tensor(f"z{name}", TensorProto.INT8, [len(steps)], values)
                )
            elif zero is not None:
                self.keep(np.full(len(steps), zero, np.int8), f"z{name}")
            inputs += [f"z{name}"] if zero is not None else []
            self.nodes.append(helper.make_node("DequantizeLinear", inputs, [made], axis=0))
        pads = [size // 2 for size in steps.shape[2:]] * 2
        self.nodes.append(
            helper.make_node("Conv", [self.rounded(x), made], [f"y{name}"], pads=pads, group=group)
        )
        return f"y{name}"

    def content(self, output: str) -> bytes:
        last = self.rounded(output)
        shape = ["n", self.channels, 6, 6]
        graph = helper.make_graph(
            self.nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(last, TensorProto.FLOAT, [None] * 4)],
            self.weights,
        )
        opset = [helper.make_opsetid("", 20)]
        return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def steps(*shape: int, low: int = -30) -> np.ndarray:
    # So small that the kernels of processors without VNNI add them up exactly, too.
    return RNG.integers(low, 31, shape)


def answers(content: bytes, x: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x})
    return found


def zero_points(content: bytes) -> dict[str, list[int]]:
    """Return the zero points of each weight, by the weight's name."""
    graph = onnx.load_model_from_string(content).graph
    values = {w.name: numpy_helper.to_array(w) for w in graph.initializer}
    return {
        node.input[0]: sorted(set(values[node.input[2]].ravel().tolist()))
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in values and len(node.input) > 2
    }


@pytest.mark.parametrize("how", [{}, {"zero": None}, {"packed": True}])
def test_the_answers_are_the_same_bits(how: dict[str, object]) -> None:
    net = Quantized()
    shallow = net.conv("x", steps(128, 64, 1, 1))
    deep = net.conv(shallow, steps(320, 128, 3, 3), **how)
    pointwise = net.conv(deep, steps(32, 320, 1, 1), **how)
    content = net.content(pointwise)
    tiled = tile_weights(content)
    assert tiled is not None
    onnx.checker.check_model(onnx.load_model_from_string(tiled), full_check=True)
    assert list(zero_points(tiled).values()) == [[0], [-1], [-1]]
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=(2, 64, 6, 6)).astype(np.float32)
        found = answers(tiled, x)
        assert np.unique(found).size > 20
        np.testing.assert_array_equal(found, answers(content, x))


def shallow(net: Quantized) -> str:
    return net.conv(net.conv("x", steps(32, 64, 3, 3)), steps(319, 32, 1, 1))


def lowest_value(net: Quantized) -> str:
    weights = steps(32, 128, 3, 3)
    weights[0, 0, 0, 0] = -128
    return net.conv(net.conv("x", steps(128, 64, 1, 1)), weights)


def not_symmetric(net: Quantized) -> str:
    return net.conv(net.conv("x", steps(128, 64, 1, 1)), steps(32, 128, 3, 3), zero=3)


def depthwise(net: Quantized) -> str:
    return net.conv("x", steps(64, 1, 33, 33), group=64)


def read_twice(net: Quantized) -> str:
    first = net.conv("x", weights := steps(64, 64, 5, 5))
    return net.conv(first, weights, made=net.nodes[0].output[0])


def signed(net: Quantized) -> str:
    net.activations = np.int8
    return net.conv("x", steps(32, 64, 5, 5))


def given_from_outside(net: Quantized) -> str:
    net.nodes.append(helper.make_node("Conv", ["x", "k"], ["y"]))
    net.keep(RNG.normal(size=(32, 64, 5, 5)).astype(np.float32), "k")
    return "y"


@pytest.mark.parametrize(
    "build",
    [shallow, lowest_value, not_symmetric, depthwise, read_twice, signed, given_from_outside],
)
def test_what_is_not_sure_stays(build: Callable[[Quantized], str]) -> None:
    net = Quantized()
    assert tile_weights(net.content(build(net))) is None


@pytest.mark.parametrize("tiles", [True, False])
def test_files_are_opened_so_where_the_processor_has_tiles(
    tiles: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_tiles", lambda: tiles)
    net = Quantized()
    content = net.content(net.conv("x", steps(32, 64, 5, 5)))
    file = tmp_path / "m.onnx"
    file.write_bytes(content)
    assert (read_tile_weights(file) is not None) == tiles
    session, _ = open_session(file, provider="cpu", threads=1)
    x = RNG.normal(size=(2, 64, 6, 6)).astype(np.float32)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], answers(content, x))
    assert file.read_bytes() == content


def test_fp32_files_are_not_read_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_tiles", lambda: True)
    monkeypatch.setattr(module, "parse_graph", lambda content: pytest.fail("it was parsed"))
    net = Quantized()
    graph = onnx.load_model_from_string(net.content(given_from_outside(net)))
    kept = [node for node in graph.graph.node if node.op_type == "Conv"]
    del graph.graph.node[:]
    graph.graph.node.extend(kept)
    (tmp_path / "m.onnx").write_bytes(graph.SerializeToString())
    assert read_tile_weights(tmp_path / "m.onnx") is None


def test_a_file_that_is_cut_short_is_told_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "has_tiles", lambda: True)
    net = Quantized()
    content = net.content(net.conv("x", steps(32, 64, 5, 5)))
    for length in (0, 100, len(content) // 2):
        (tmp_path / "cut.onnx").write_bytes(content[:length])
        with pytest.raises(NotAModelError, match=r"cut\.onnx is not a readable ONNX model"):
            open_session(tmp_path / "cut.onnx", provider="cpu")
