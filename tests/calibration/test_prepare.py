from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.prepare import prepare
from edgecnn.calibration.sessions import session_of
from edgecnn.errors import ModelError


def _with_batch_norm(opset: int) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    value = helper.make_tensor_value_info
    weights = {
        "w": rng.normal(size=(4, 1, 3, 3)),
        "gamma": rng.uniform(0.5, 1.5, 4),
        "beta": rng.normal(size=4),
        "mean": rng.normal(size=4),
        "var": rng.uniform(0.5, 1.5, 4),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
            helper.make_node(
                "BatchNormalization", ["c", "gamma", "beta", "mean", "var"], ["n"], name="bn"
            ),
            helper.make_node("Relu", ["n"], ["y"], name="relu"),
        ],
        "g",
        [value("x", TensorProto.FLOAT, ["batch", 1, 6, 6])],
        [value("y", TensorProto.FLOAT, ["batch", 4, 4, 4])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model


@pytest.mark.parametrize("opset", [11, 20])
def test_batch_normalisation_is_folded_into_the_convolution(opset):
    model = _with_batch_norm(opset)
    prepared = prepare(model)
    assert [node.op_type for node in prepared.graph.node] == ["Conv", "Relu"]
    assert {o.domain: o.version for o in prepared.opset_import} == {"": max(13, opset)}
    x = np.random.default_rng(1).normal(size=(2, 1, 6, 6)).astype(np.float32)
    before, after = (session_of(m).run(["y"], {"x": x})[0] for m in (model, prepared))
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_every_tensor_has_a_type():
    prepared = prepare(_with_batch_norm(20))
    typed = {v.name for v in (*prepared.graph.value_info, *prepared.graph.output)}
    assert {name for node in prepared.graph.node for name in node.output} <= typed


def test_no_file_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    prepare(_with_batch_norm(20))
    assert list(Path(tmp_path).iterdir()) == []


def test_graph_that_onnx_runtime_refuses():
    model = _with_batch_norm(20)
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="refuses the graph"):
        prepare(model)
