from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.export.identity import differences


@pytest.fixture
def model() -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")],
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 4])],
        [value("y", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(np.zeros((4, 2), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    contract = {"name": "t", "labels": ["a", "b"], "provenance": {"versions": {"torch": "2.12"}}}
    model.metadata_props.add(key="edgecnn", value=json.dumps(contract))
    model.metadata_props.add(key="edgecnn.measured", value="today")
    return model


def _changed(model: onnx.ModelProto) -> onnx.ModelProto:
    other = onnx.ModelProto()
    other.CopyFrom(model)
    return other


def test_what_was_measured_is_no_difference(model):
    other = _changed(model)
    other.metadata_props[1].value = "tomorrow"
    assert differences(model, other) == ()
    del other.metadata_props[1]
    assert differences(model, other) == ()


def test_weights_are_named_and_measured(model):
    other = _changed(model)
    values = np.zeros((4, 2), np.float32)
    values[1] = 0.25, -0.5
    other.graph.initializer[0].CopyFrom(numpy_helper.from_array(values, "w"))
    assert differences(model, other) == ("weights w: 2 of 8 values differ, by at most 0.5",)
    other.graph.initializer[0].name = "v"
    assert differences(model, other) == ("weights w: none now", "weights v: none before")


def test_the_contract_field_by_field(model):
    other = _changed(model)
    contract = json.loads(other.metadata_props[0].value)
    contract["provenance"]["versions"] = {"torch": "2.13", "onnx": "1.23"}
    contract["labels"][1] = "c"
    other.metadata_props[0].value = json.dumps(contract)
    assert differences(model, other) == (
        "contract labels[1]: b, now c",
        "contract provenance.versions.torch: 2.12, now 2.13",
        "contract provenance.versions.onnx: none, now 1.23",
    )


def test_golden_vectors_are_counted(model):
    model.metadata_props.add(key="edgecnn.golden", value='{"examples": [{"logits": [[1, 2]]}]}')
    other = _changed(model)
    other.metadata_props[2].value = '{"examples": [{"logits": [[1.5, 3]]}]}'
    assert differences(model, other) == (
        "golden vectors: 2 values differ, first examples[0].logits[0][0]",
    )
    del other.metadata_props[2]
    assert differences(model, other) == ("golden vectors: none now",)


def test_the_graph(model):
    other = _changed(model)
    other.opset_import[0].version = 21
    other.graph.node[0].op_type = "Gemm"
    other.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    assert differences(model, other) == (
        "opset: ai.onnx 20, now ai.onnx 21",
        "outputs: [('y', ['batch', 2])], now [('y', [1, 2])]",
        "operators: Gemm 0, now 1; MatMul 1, now 0",
    )
    other = _changed(model)
    other.graph.node[0].name = "other"
    assert differences(model, other) == ("node dense (MatMul) differs, maybe others",)
    other = _changed(model)
    other.graph.name = "h"
    assert differences(model, other) == (
        "the files differ in fields that describe nothing of the network",
    )


def test_many_are_counted(model):
    other = _changed(model)
    for i in range(12):
        other.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), f"w{i}"))
    found = differences(model, other)
    assert len(found) == 9
    assert found[-1] == "... and 4 more of this kind"
