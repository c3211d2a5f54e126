from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.bundled import resolve_model
from edgecnn.export.layers import Network

LENET = ["conv 5×5", "max pool 2×2", "conv 5×5", "max pool 2×2", "dense", "dense", "dense"]


def bundled(name: str) -> Network:
    return Network(resolve_model(f"bundled:{name}"))


def test_layers_as_people_count_them() -> None:
    titles = [layer.title for layer in bundled("mnist-lenet5").layers]
    with_relu = (0, 2, 4, 5)
    assert titles == [title + " + ReLU" * (i in with_relu) for i, title in enumerate(LENET)]


def test_quantized_layers_are_the_same_ones() -> None:
    """The ReLU lies in the rounding there: what is below zero is cut by the range."""
    network = bundled("mnist-lenet5.int8")
    assert [layer.title for layer in network.layers] == LENET
    picture = np.random.default_rng(0).random((1, 1, 28, 28), np.float32)
    values = network.run([layer.tensor for layer in network.layers], {"input": picture})
    plain = bundled("mnist-lenet5")
    wanted = plain.run([layer.tensor for layer in plain.layers], {"input": picture})
    for one, other in zip(network.layers, plain.layers, strict=True):
        found, right = values[one.tensor], wanted[other.tensor]
        assert found.shape == right.shape
        assert np.abs(found - right).mean() < 0.05 * np.abs(right).max()


@pytest.mark.parametrize("name", ["mnist-lenet5", "cifar10-resnet", "ecg-beats"])
def test_first_kernels_are_numbers_again_after_quantizing(name: str) -> None:
    plain, eight_bit = bundled(name).first_kernels, bundled(f"{name}.int8").first_kernels
    assert plain is not None
    assert eight_bit is not None
    assert plain.shape == eight_bit.shape
    step = np.abs(plain.reshape(len(plain), -1)).max(axis=1).max() / 127
    np.testing.assert_allclose(eight_bit, plain, atol=1.01 * step)
    assert len(np.unique(eight_bit[0])) > 3


@pytest.mark.parametrize("name", ["cifar10-resnet", "cifar10-resnet.int8"])
def test_class_weights_give_the_logits(name: str) -> None:
    """Mean, weights and bias are all that lies between the features and the logits."""
    network = bundled(name)
    head = network.class_weights("logits")
    assert head is not None
    assert head.weights.shape == (10, 112)
    picture = np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)
    values = network.run([head.features, "logits"], {"input": picture})
    mean = values[head.features][0].mean(axis=(1, 2))
    last = next(node for node in network.model.graph.node if node.output[0] == "logits")
    bias = network.constant(last.input[2])
    assert bias is not None
    np.testing.assert_allclose(head.weights @ mean + bias, values["logits"][0], atol=0.1)


@pytest.mark.parametrize("name", ["mnist-lenet5", "mnist-lenet5.int8", "ecg-beats"])
def test_networks_with_other_heads_have_none(name: str) -> None:
    assert bundled(name).class_weights("logits") is None


def headed(axes: list[int], *, quantized: bool = False) -> Network:
    """Build conv, mean over some axes, a product with weights of (channels, classes), a bias."""
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensors = {
        "kernels": np.ones((2, 1, 3, 3), np.float32),
        "axes": np.array(axes, np.int64),
        "bias": np.ones(3, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "kernels"], ["maps"], group=1),
        helper.make_node("Clip", ["maps"], ["features"]),
        helper.make_node("ReduceMean", ["features", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["logits"]),
    ]
    if quantized:
        tensors["w8"] = weights.astype(np.int8)
        tensors["scales"] = np.array([1.0, 2.0, 0.5], np.float32)
        tensors["zeros"] = np.array([0, 1, 0], np.int8)
        nodes.insert(0, helper.make_node("DequantizeLinear", ["w8", "scales", "zeros"], ["w"]))
    else:
        tensors["w"] = weights
    graph = helper.make_graph(
        nodes,
        "headed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(values, name) for name, values in tensors.items()],
    )
    opset = [helper.make_opsetid("", 20)]
    return Network(helper.make_model(graph, opset_imports=opset, ir_version=10))


@pytest.mark.parametrize("axes", [[2, 3], [-1, -2]])
def test_product_and_sum_are_a_dense_layer(axes: list[int]) -> None:
    network = headed(axes)
    assert [layer.title for layer in network.layers] == ["conv 3×3 + ReLU6", "mean", "dense"]
    assert network.layers[-1].tensor == "logits"
    head = network.class_weights("logits")
    assert head is not None
    assert head.features == "features"
    assert head.weights.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_weights_of_eight_bits_per_channel() -> None:
    head = headed([2, 3], quantized=True).class_weights("logits")
    assert head is not None
    assert head.weights.tolist() == [[0, 3], [0, 6], [1, 2.5]]


def test_mean_over_some_axes_is_no_global_one() -> None:
    assert headed([1]).class_weights("logits") is None


def test_depthwise_is_named() -> None:
    network = headed([2, 3])
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    model.graph.node[0].attribute[0].i = 2
    assert Network(model).layers[0].title == "depthwise 3×3 + ReLU6"
