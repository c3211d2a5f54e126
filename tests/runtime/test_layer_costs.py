"""Parameters, multiply-adds and memory of a graph, counted by hand and as published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.bundled import bundled_models
from edgecnn.runtime.inspection import inspect_model
from edgecnn.runtime.layer_costs import GraphCosts, table_rows


def costs_of(
    nodes: list[onnx.NodeProto],
    weights: dict[str, tuple[int, ...]],
    shape: list[int | str],
    folder: Path,
) -> GraphCosts:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.zeros(s, np.float32), n) for n, s in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, folder / "x.onnx")
    return inspect_model(folder / "x.onnx").costs


@pytest.mark.parametrize(
    ("node", "weights", "shape", "macs"),
    [
        (helper.make_node("Conv", ["x", "w", "b"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1]),
         {"w": (8, 3, 3, 3), "b": (8,)}, ["n", 3, 10, 10], 8 * 5 * 5 * 27),
        (helper.make_node("Conv", ["x", "w"], ["y"], group=6),
         {"w": (6, 1, 3)}, ["n", 6, 10], 6 * 8 * 3),
        (helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2]),
         {"w": (4, 5, 2, 2)}, ["n", 4, 3, 3], 4 * 9 * 5 * 4),
        (helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1),
         {"w": (7, 5), "b": (7,)}, ["n", 5], 35),
        (helper.make_node("MatMul", ["x", "w"], ["y"]), {"w": (5, 7)}, ["n", 3, 5], 3 * 35),
        (helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=6, direction="bidirectional"),
         {"w": (2, 24, 5), "r": (2, 24, 6)}, [4, 1, 5], 4 * 2 * 4 * 6 * 11),
        (helper.make_node("GRU", ["x", "w", "r"], ["y"], hidden_size=6),
         {"w": (1, 18, 5), "r": (1, 18, 6)}, [4, 1, 5], 4 * 3 * 6 * 11),
        (helper.make_node("Relu", ["x"], ["y"]), {}, ["n", 5], 0),
    ],
    ids=["conv", "depthwise", "transposed", "gemm", "matmul", "lstm", "gru", "relu"],
)  # fmt: skip
def test_multiply_adds_by_hand(node, weights, shape, macs, tmp_path: Path) -> None:
    costs = costs_of([node], weights, shape, tmp_path)
    assert costs.macs == macs
    assert costs.parameters == sum(int(np.prod(s)) for s in weights.values())


def test_memory_by_hand(tmp_path: Path) -> None:
    """A branch stays alive until it is added; a reshape takes nothing."""
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Flatten", ["a"], ["f"]),
        helper.make_node("Concat", ["f", "f"], ["c"], axis=1),
        helper.make_node("Concat", ["c", "c"], ["d"], axis=1),
        helper.make_node("ReduceSum", ["d"], ["s"], keepdims=1),
        helper.make_node("Add", ["f", "s"], ["y"]),
    ]
    costs = costs_of(nodes, {}, ["n", 5, 2], tmp_path)
    # At the second Concat: a (40 bytes, still read by the Add), c (80), d (160).
    assert costs.peak_bytes == 280
    assert costs.peak_at == "Concat"


@pytest.mark.parametrize("name", ["mnist-lenet5", "rt-polarity-cnn", "shakespeare-lstm"])
def test_parameters_are_those_of_pytorch(name: str) -> None:
    found = inspect_model(f"bundled:{name}")
    assert found.costs.parameters == found.metadata.provenance.parameters


def test_an_8_bit_file_costs_what_its_source_does() -> None:
    for name in ("mnist-lenet5", "cifar10-resnet", "digits-yolo", "ecg-beats"):
        plain, quantized = (inspect_model(f"bundled:{n}").costs for n in (name, f"{name}.int8"))
        # Quantizing may give the first convolution a fourth channel, which is computed as well.
        first = next(layer.macs for layer in plain.layers if layer.operator == "Conv")
        assert quantized.macs in (plain.macs, plain.macs + first // 3), name
        assert quantized.weight_bytes < 0.45 * plain.weight_bytes, name


@pytest.mark.data
def test_foreign_networks_cost_what_is_published(data_root: Path) -> None:
    models = data_root / "models"
    mobilenet = inspect_model(models / "mobilenetv2_fp32_dequantised.onnx").costs
    # Sandler et al. 2018: 300 M; torchvision's 3,504,872 less what batch normalisation folds away.
    assert (mobilenet.macs, mobilenet.parameters) == (300_774_272, 3_487_816)
    yolox = inspect_model(models / "yolox_nano_416.onnx").costs
    # Ge et al. 2021: 0.91 M parameters, 1.08 G operations, two to a multiply-add.
    assert yolox.parameters == 904_463
    assert 2 * yolox.macs == pytest.approx(1.08e9, rel=0.04)


@pytest.mark.parametrize("name", bundled_models())
def test_every_bundled_model_is_known_in_full(name: str) -> None:
    found = inspect_model(f"bundled:{name}")
    assert not found.remarks
    assert found.costs.macs
    assert found.costs.peak_bytes
    assert all(layer.shape is not None for layer in found.costs.layers if layer.output)
    head, rows = table_rows(found.costs)
    assert len(rows) == len(found.costs.layers) + 1
    assert all(len(row) == len(head) for row in rows)


def test_axes_of_no_known_length_are_a_remark(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 3, "h", "w"]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save_model(model, tmp_path / "x.onnx")
    found = inspect_model(tmp_path / "x.onnx")
    assert found.costs.macs is None
    assert found.costs.layers[0].shape is None
    assert "axis 'h' of input 'x' has no known length" in found.remarks[-1]
