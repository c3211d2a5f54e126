import pytest

from edgecnn.bundled import resolve_model
from edgecnn.runtime.class_head import ClassHead, find_head
from edgecnn.runtime.graph_file import read_graph


@pytest.mark.parametrize("name", ["cifar10-resnet", "cifar10-resnet.int8"])
def test_a_global_mean_and_a_dense_layer_are_found_quantized_or_not(name):
    head = find_head(read_graph(resolve_model(f"bundled:{name}")), "logits")
    assert head.features.startswith("relu_10")
    assert (head.pooled, head.transposed) == ("mean", True)
    assert head.weights.startswith("classifier.weight")


def test_another_end_is_none():
    graph = read_graph(resolve_model("bundled:mnist-lenet5"))
    assert find_head(graph, "logits") is None
    assert find_head(graph, "no such tensor") is None


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "output", "head"),
    [
        (
            "mobilenetv2_fp32_dequantised.onnx",
            "output",
            ClassHead("463", "464", "classifier.1.weight_fp32"),
        ),
        # Ends in the mean itself: each map is a class's.
        (
            "squeezenet_cifar10.onnx",
            "loss",
            ClassHead(
                "squeezenet/relu_conv10/Relu:0", "squeezenet/global_average_pooling2d/Mean:0"
            ),
        ),
    ],
)
def test_foreign_networks(file, output, head, data_root):
    assert find_head(read_graph(data_root / "models" / file), output) == head
