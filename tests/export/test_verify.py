from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgecnn.errors import ModelError, ParityError
from edgecnn.export.verify import check_graph, measure_parity
from edgecnn.metadata import ImageInput, ModelMetadata

X = {"input": np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)}


def _run(inputs):
    return np.asarray(inputs["input"], np.float32).copy()


def test_equal_is_zero():
    parity = measure_parity(_run, X["input"], X)
    assert (parity.max_abs, parity.max_rel, parity.top1_agreement) == (0.0, 0.0, 1.0)
    assert parity.samples == 9


def test_difference_is_measured():
    parity = measure_parity(lambda i: _run(i) + np.float32(5e-5), X["input"], X)
    assert parity.max_abs == pytest.approx(5e-5, rel=0.01)


def test_worst_element_is_named():
    def run(inputs):
        answer = _run(inputs)
        if len(answer) == 9:
            answer[7, 2] += 0.5
            answer[3, 1] += 0.1
        return answer

    with pytest.raises(ParityError, match=r"2 of 36 values; worst: logits\[7, 2\] .*batch 9"):
        measure_parity(run, X["input"], X)


def test_relative_part_of_the_tolerance():
    big = {"input": X["input"] * 1e4}
    assert measure_parity(lambda i: _run(i) * np.float32(1.0005), big["input"], big).max_abs > 1
    with pytest.raises(ParityError):
        measure_parity(lambda i: _run(i) * np.float32(1.002), big["input"], big)


def test_small_values_do_not_count_as_large_ratios():
    near_zero = X["input"].copy()
    near_zero[0, 0] = 1e-9
    shifted = measure_parity(lambda i: _run(i) + np.float32(1e-6), near_zero, {"input": near_zero})
    assert shifted.max_rel < 1e-4


def test_not_a_number_is_a_mismatch():
    def run(inputs):
        answer = _run(inputs)
        answer[-1, 0] = np.nan
        return answer

    with pytest.raises(ParityError, match="nan"):
        measure_parity(run, X["input"], X)


def test_the_worst_value_of_all_parts_is_told():
    """Answers are compared batch by batch; the sample is counted from the first."""

    def run(inputs):
        answer = _run(inputs).copy()
        answer[inputs["input"][:, 0] == X["input"][4, 0], 1] += 1
        answer[inputs["input"][:, 0] == X["input"][7, 0], 2] += 5
        return answer

    with pytest.raises(ParityError, match=r"2 of 36 values; worst: logits\[7, 2\]") as caught:
        measure_parity(run, _run(X), X, batches=(2,))
    np.testing.assert_array_equal(caught.value.inputs["input"], X["input"][6:8])


def test_reference_that_is_not_a_number():
    broken = X["input"].copy()
    broken[2, 3] = np.inf
    with pytest.raises(ParityError, match=r"PyTorch gives inf at logits\[2, 3\]"):
        measure_parity(_run, broken, X)


def test_flipped_labels_within_tolerance():
    flat = np.zeros((9, 4), np.float32)
    flat[:, 0] = 1e-5

    def run(inputs):
        return flat[: len(inputs["input"]), ::-1]

    with pytest.raises(ParityError, match=r"100\.0% of 9 samples get another label"):
        measure_parity(run, flat, X)


def _model(shape, *, axes: str | int = "batch") -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["input"], ["logits"])],
        "g",
        [value("input", TensorProto.FLOAT, [axes, *shape])],
        [value("logits", TensorProto.FLOAT, [axes, int(np.prod(shape))])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def _contract(labels: int) -> ModelMetadata:
    spec = ImageInput(height=1, width=2, colour="gray")
    names = tuple(f"c{i}" for i in range(labels))
    return ModelMetadata(name="t", task="classify", labels=names, input=spec)


def test_signature_must_be_the_contract():
    check_graph(_model((1, 1, 2)), _contract(2))
    with pytest.raises(ModelError, match=r"its contract says .*logits \[batch, 3\]"):
        check_graph(_model((1, 1, 2)), _contract(3))
    # Files of other tools name the batch as they like, but it must be free.
    check_graph(_model((1, 1, 2), axes="batch_size"), _contract(2))
    with pytest.raises(ModelError, match=r"are input \[4, 1, 1, 2\].*contract says"):
        check_graph(_model((1, 1, 2), axes=4), _contract(2))


def test_graph_that_does_not_hold():
    model = _model((1, 1, 2))
    model.graph.node[0].input[0] = "nowhere"
    with pytest.raises(ModelError, match="not a valid ONNX graph"):
        check_graph(model, _contract(2))


def test_weights_outside_the_file():
    model = _model((1, 1, 2))
    weight = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[1])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    with pytest.raises(ModelError):
        check_graph(model, _contract(2))
