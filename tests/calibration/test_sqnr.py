"""Noise by layer, on graphs small enough to count, and on a network that was really quantized."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.sqnr import MatchedLayer, layer_noise, matched_layers, share_weights
from edgecnn.export.layers import Network
from edgecnn.metadata import ImageInput

SCALE = 0.25


def graph_of(nodes, weights):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", TensorProto.FLOAT, ["N", 2])],
        [value("y", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def plain():
    """y = 2 · relu(x · identity)."""
    weights = {"w": np.eye(2, dtype=np.float32), "v": 2 * np.eye(2, dtype=np.float32)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "v"], ["y"]),
    ]
    return graph_of(nodes, weights)


@pytest.fixture
def rounded():
    """The same with r in steps of a quarter, its ReLU taken into the rounding."""
    weights = {
        "w": np.eye(2, dtype=np.float32),
        "v": 2 * np.eye(2, dtype=np.float32),
        "s": np.float32(SCALE),
        "z": np.uint8(0),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "s", "z"], ["r_q"]),
        helper.make_node("DequantizeLinear", ["r_q", "s", "z"], ["r_dq"]),
        helper.make_node("MatMul", ["r_dq", "v"], ["y"]),
    ]
    return graph_of(nodes, {name: np.asarray(values) for name, values in weights.items()})


def test_layers_are_matched_behind_their_rounding(plain, rounded):
    found = matched_layers(Network(plain), Network(rounded))
    assert [(one.tensor, one.other) for one in found] == [("r", "r_dq"), ("y", "y")]
    assert found[0].title == "dense + ReLU"


def test_noise_by_hand(plain, rounded):
    """1.1 is rounded to 1.0, -3 to nothing in both, 2 is exact: noise 0.1 of a signal of 1.1, 2."""
    layers = matched_layers(Network(plain), Network(rounded))
    batches = [
        {"x": np.array([[1.1, -3.0]], np.float32)},
        {"x": np.array([[2.0, 0.0]], np.float32)},
    ]
    first, last = layer_noise(plain, rounded, layers, batches)
    decibels = 10 * math.log10((1.1**2 + 2**2) / 0.1**2)
    assert first.sqnr_db == pytest.approx(decibels, abs=1e-3)
    assert first.max_abs == pytest.approx(0.1, abs=1e-6)
    assert last.sqnr_db == pytest.approx(decibels, abs=1e-3)
    assert last.max_abs == pytest.approx(0.2, abs=1e-6)


def test_equal_graphs_have_no_noise(plain):
    layers = matched_layers(Network(plain), Network(plain))
    noise = layer_noise(plain, plain, layers, [{"x": np.ones((3, 2), np.float32)}])
    assert [(one.sqnr_db, one.max_abs) for one in noise] == [(None, 0)] * 2


def test_values_that_are_no_numbers_are_counted(plain):
    broken = onnx.ModelProto()
    broken.CopyFrom(plain)
    broken.graph.initializer[1].CopyFrom(
        numpy_helper.from_array(np.array([[np.nan, 0], [0, 2]], np.float32), "v")
    )
    layers = matched_layers(Network(plain), Network(broken))
    noise = layer_noise(plain, broken, layers, [{"x": np.ones((3, 2), np.float32)}])
    assert [one.not_finite for one in noise] == [0, 3]


def test_whole_numbers_and_other_shapes_are_left_out(plain):
    nodes = [
        helper.make_node("Shape", ["x"], ["x_shape"]),
        helper.make_node("Concat", ["x_shape", "x_shape"], ["twice"], axis=0),
        helper.make_node("MatMul", ["x", "w"], ["r"]),
        helper.make_node("MatMul", ["r", "v"], ["y"]),
    ]
    wide = graph_of(nodes, {"w": np.ones((2, 3), np.float32), "v": np.ones((3, 2), np.float32)})
    layers = (MatchedLayer("dense", "r", "r"), MatchedLayer("dense", "y", "y"))
    noise = layer_noise(plain, wide, layers, [{"x": np.ones((1, 2), np.float32)}])
    assert [one.tensor for one in noise] == ["y"]
    layers = (MatchedLayer("joined", "twice", "twice"),)
    assert layer_noise(wide, wide, layers, [{"x": np.ones((1, 2), np.float32)}]) == ()


def test_weights_tell_where_a_file_comes_from():
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("MatMul", ["h", "v"], ["y"]),
    ]
    shapes = {"w": (2, 64), "v": (64, 2)}
    one, other = (
        {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
        for _ in range(2)
    )
    bytes_of_one = {
        name: np.rint(40 * values + 120).clip(0, 255).astype(np.uint8)
        for name, values in one.items()
    }
    half = {"w": one["w"], "v": other["v"]}
    networks = [Network(graph_of(nodes, weights)) for weights in (one, other, bytes_of_one, half)]
    first = networks[0]
    assert [share_weights(first, network) for network in networks] == [True, False, True, True]


@pytest.fixture(scope="module")
def stripes_pair(fp32, calibration, tmp_path_factory):
    """A network that was really trained and quantized."""
    out = tmp_path_factory.mktemp("sqnr") / "stripes.int8.onnx"
    quantize_model(fp32, out, calibration, samples=64, seconds=0.1, allow_slower=True)
    return onnx.load_model(fp32), onnx.load_model(out)


def test_a_real_network(stripes_pair, stripes):
    first, second = stripes_pair
    assert share_weights(Network(first), Network(second))
    layers = matched_layers(Network(first), Network(second))
    assert [one.title for one in layers][-1] == "dense"
    assert len(layers) >= 4
    spec = ImageInput(height=16, width=16, colour="gray", mean=(0.5,), std=(0.25,))
    inputs = stripes.inputs(spec, np.arange(40))
    noise = layer_noise(first, second, layers, [inputs])
    assert all(25 < one.sqnr_db < 60 for one in noise)
    halves = [{"input": inputs["input"][half]} for half in (slice(25), slice(25, 40))]
    again = layer_noise(first, second, layers, halves)
    assert [one.sqnr_db for one in again] == pytest.approx([one.sqnr_db for one in noise], abs=0.01)
