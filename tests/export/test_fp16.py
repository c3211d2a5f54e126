"""Graphs in FP16: what is converted, what must stay FP32, and what they compute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgecnn.bundled import resolve_model
from edgecnn.calibration.sessions import session_of
from edgecnn.errors import ModelError, UsageError
from edgecnn.export.drawings import drawn_inputs
from edgecnn.export.fp16 import to_fp16
from edgecnn.runtime.session import load_model


def graph_of(
    nodes: Sequence[onnx.NodeProto],
    weights: dict[str, NDArray[np.generic]] | None = None,
    shape: Sequence[int | str] = ("batch", 4),
    opset: int = 20,
) -> onnx.ModelProto:
    """Wrap nodes from ``x`` to ``y``."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def types_of(model: onnx.ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    graph = inferred.graph
    values = (*graph.value_info, *graph.input, *graph.output)
    return {v.name: v.type.tensor_type.elem_type for v in values} | {
        t.name: t.data_type for t in graph.initializer
    }


def two_scales(first: float, second: float) -> onnx.ModelProto:
    return graph_of(
        [
            helper.make_node("Mul", ["x", "a"], ["t"], name="up"),
            helper.make_node("Mul", ["t", "b"], ["u"], name="down"),
            helper.make_node("Add", ["u", "c"], ["y"], name="end"),
        ],
        {
            "a": np.array([first], np.float32),
            "b": np.array([second], np.float32),
            "c": np.ones(4, np.float32),
        },
    )


def weight_bytes(model: onnx.ModelProto) -> int:
    return sum(tensor.ByteSize() for tensor in model.graph.initializer)


@pytest.mark.parametrize(
    "name", ["mnist-lenet5", "digits-yolo", "ecg-beats", "rt-polarity-cnn", "shakespeare-lstm"]
)
def test_every_kind_of_network_keeps_its_answers_and_halves(name: str) -> None:
    file = resolve_model(f"bundled:{name}")
    model = onnx.load_model(file)
    loaded = load_model(file, provider="cpu", check=False)
    inputs = drawn_inputs(loaded.metadata, 4)
    half = to_fp16(model, inputs=inputs)
    assert not half.kept
    # Weights alone: what the contract and the golden vectors take stays as it is.
    assert weight_bytes(half.model) < 0.52 * weight_bytes(model)
    reference = loaded.run(inputs)
    answer = session_of(half.model).run([loaded.metadata.output.name], dict(inputs))[0]
    assert answer.dtype == np.float32
    assert np.abs(answer - reference).max() < 5e-3 * np.abs(reference).max()


def test_the_source_is_not_changed() -> None:
    model = onnx.load_model(resolve_model("bundled:mnist-lenet5"))
    before = model.SerializeToString(deterministic=True)
    to_fp16(model)
    assert model.SerializeToString(deterministic=True) == before


def test_inputs_and_outputs_stay_fp32_unless_asked_for() -> None:
    model = two_scales(1.5, 2.0)
    kept, halved = (types_of(to_fp16(model, keep_io=keep).model) for keep in (True, False))
    assert (kept["x"], kept["y"], kept["t"]) == (
        TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT16,
    )  # fmt: skip
    assert (halved["x"], halved["y"]) == (TensorProto.FLOAT16, TensorProto.FLOAT16)
    x = np.array([[1, -2, 3, 4]], np.float32)
    for keep, values in ((True, x), (False, x.astype(np.float16))):
        (y,) = session_of(to_fp16(model, keep_io=keep).model).run(None, {"x": values})
        assert y.dtype == values.dtype
        np.testing.assert_allclose(y, 3 * x + 1)


def test_an_activation_that_overflows_stays_fp32_from_its_maker_to_its_reader() -> None:
    model = two_scales(1e4, 1e-4)
    x = np.array([[1, 2, 3, 9]], np.float32)
    half = to_fp16(model, inputs={"x": x})
    assert [(k.node, k.reason) for k in half.kept] == [
        ("up", "t reaches 9e+04, and FP16 ends at 65504"),
        ("down", "t reaches 9e+04, and FP16 ends at 65504"),
    ]
    types = types_of(half.model)
    assert types["t"] == TensorProto.FLOAT
    # No cast lies between the two, where 90,000 would become infinite.
    readers = [n.op_type for n in half.model.graph.node if "t" in n.input]
    assert readers == ["Mul"]
    (y,) = session_of(half.model).run(None, {"x": x})
    np.testing.assert_allclose(y, x + 1, rtol=1e-3)


def test_an_activation_close_to_the_end_of_fp16_stays_fp32() -> None:
    half = to_fp16(two_scales(1e4, 1e-4), inputs={"x": np.full((1, 4), 4, np.float32)})
    assert [k.node for k in half.kept] == ["up", "down"]
    half = to_fp16(two_scales(1e4, 1e-4), inputs={"x": np.full((1, 4), 3, np.float32)})
    assert not half.kept


def test_all_rows_of_the_samples_count() -> None:
    x = np.ones((9, 4), np.float32)
    x[8] = 9
    assert len(to_fp16(two_scales(1e4, 1e-4), inputs={"x": x}).kept) == 2


def test_a_weight_beyond_fp16_stays_fp32() -> None:
    half = to_fp16(two_scales(1e5, 1e-5))
    assert half.kept[0].node == "up"
    assert half.kept[0].reason == "weight a reaches 1e+05, beyond FP16's 65504"
    assert types_of(half.model)["a"] == TensorProto.FLOAT


def test_a_channel_of_tiny_weights_stays_fp32() -> None:
    weights = np.ones((3, 4), np.float32)
    weights[1] = 1e-9
    model = graph_of(
        [helper.make_node("Gemm", ["x", "w"], ["y"], name="dense", transB=1)], {"w": weights}
    )
    (kept,) = to_fp16(model).kept
    assert kept.node == "dense"
    assert kept.reason.endswith("a channel changes by 100 % of its size, 4 numbers become 0")


def test_a_tiny_weight_among_large_ones_is_only_counted() -> None:
    weights = np.ones((3, 4), np.float32)
    weights[1, 2] = 1e-9
    model = graph_of(
        [helper.make_node("Gemm", ["x", "w"], ["y"], name="dense", transB=1)], {"w": weights}
    )
    half = to_fp16(model)
    assert not half.kept
    assert half.flushed == {"w": 1}


@pytest.mark.parametrize("block", ["down", "Add"])
def test_nodes_and_operators_can_be_left_out(block: str) -> None:
    half = to_fp16(two_scales(2.0, 0.5), block=[block])
    (kept,) = half.kept
    assert block in (kept.node, kept.operator)
    assert kept.reason == "asked for"
    x = np.ones((1, 4), np.float32)
    np.testing.assert_allclose(session_of(half.model).run(None, {"x": x})[0], 2 * x)


def test_a_name_that_is_nowhere_is_refused() -> None:
    with pytest.raises(UsageError, match="no node or operator 'Softmx'"):
        to_fp16(two_scales(2.0, 0.5), block=["Softmx"])


def test_a_weight_read_in_both_types_is_stored_in_both() -> None:
    model = graph_of(
        [
            helper.make_node("Mul", ["x", "a"], ["t"], name="one"),
            helper.make_node("Mul", ["t", "a"], ["y"], name="two"),
        ],
        {"a": np.full(4, 1 / 3, np.float32)},
    )
    half = to_fp16(model, block=["two"])
    stored = {t.name: numpy_helper.to_array(t) for t in half.model.graph.initializer}
    assert sorted(str(v.dtype) for v in stored.values()) == ["float16", "float32"]
    assert next(v for v in stored.values() if v.dtype == np.float32)[0] == np.float32(1 / 3)


def test_what_two_nodes_read_in_fp32_is_cast_once() -> None:
    model = graph_of(
        [
            helper.make_node("Relu", ["x"], ["t"], name="start"),
            helper.make_node("Sin", ["t"], ["a"], name="one"),
            helper.make_node("Cos", ["t"], ["b"], name="two"),
            helper.make_node("Add", ["a", "b"], ["y"], name="end"),
        ]
    )
    half = to_fp16(model, block=["one", "two"])
    assert [n.op_type for n in half.model.graph.node].count("Cast") == 5
    x = np.array([[0.5, 1, 2, 3]], np.float32)
    (y,) = session_of(half.model).run(None, {"x": x})
    np.testing.assert_allclose(y, np.sin(x) + np.cos(x), atol=2e-3)


def test_operators_without_fp16_and_fp32_by_the_standard_keep_their_types() -> None:
    model = graph_of(
        [
            helper.make_node("Resize", ["x", "", "scales"], ["t"], mode="linear"),
            helper.make_node("Bernoulli", ["t"], ["r"]),
            helper.make_node("Add", ["t", "r"], ["y"]),
        ],
        {"scales": np.array([1, 1, 2, 2], np.float32)},
        shape=("batch", 1, 4, 4),
    )
    half = to_fp16(model)
    assert {k.operator: k.reason for k in half.kept} == {"Bernoulli": "it makes FP32 numbers"}
    assert types_of(half.model)["scales"] == TensorProto.FLOAT


def test_a_graph_inside_a_node_reads_fp32() -> None:
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node(op, ["t", "t"], [f"{name}.out"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}.out", TensorProto.FLOAT, ["batch", 4])],
        )
        for name, op in (("then", "Add"), ("else", "Mul"))
    }
    model = graph_of(
        [
            helper.make_node("Relu", ["x"], ["t"]),
            helper.make_node("If", ["yes"], ["u"], **branches),
            helper.make_node("Relu", ["u"], ["y"]),
        ],
        {"yes": np.array(True)},
    )
    half = to_fp16(model)
    assert [k.reason for k in half.kept] == ["it holds a graph of its own"]
    x = np.array([[1, 2, 3, -4]], np.float32)
    np.testing.assert_allclose(session_of(half.model).run(None, {"x": x})[0], 2 * x.clip(0))


def test_a_quantized_graph_is_refused() -> None:
    with pytest.raises(ModelError, match="quantized"):
        to_fp16(onnx.load_model(resolve_model("bundled:mnist-lenet5.int8")))
