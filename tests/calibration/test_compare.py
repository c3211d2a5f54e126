"""Whole comparisons: a network and its INT8 form, and one that was broken on purpose."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgecnn.calibration.compare import compare_models, open_pair
from edgecnn.calibration.compare_report import Between
from edgecnn.calibration.gates import check_gates, require_labels
from edgecnn.calibration.quantize import quantize_model
from edgecnn.data.arrays import PictureArray
from edgecnn.errors import EdgeCNNError, MetadataError, TaskError, UsageError
from edgecnn.evaluation.evaluate import evaluate_model
from edgecnn.runtime.session import load_model

QUICK = {"seconds": 0.05, "layer_samples": 16}


@pytest.fixture(scope="module")
def int8(fp32, calibration, tmp_path_factory):
    out = tmp_path_factory.mktemp("compare") / "stripes.int8.onnx"
    quantize_model(fp32, out, calibration, samples=64, seconds=0.05, allow_slower=True)
    return out


@pytest.fixture(scope="module")
def broken(fp32, tmp_path_factory):
    """The second convolution's weights turned round; golden vectors and all else as they were."""
    model = onnx.load_model(fp32)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    (tensor,) = (t for t in model.graph.initializer if t.name == convolutions[1].input[1])
    values = numpy_helper.to_array(tensor)[::-1].copy()
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    path = tmp_path_factory.mktemp("broken") / "broken.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def report(fp32, int8, stripes):
    return compare_models(*open_pair(fp32, int8, provider="cpu"), stripes, **QUICK)


def test_fp32_and_int8(report, fp32, int8, stripes):
    for file, path, value in (
        (report.first, fp32, report.value.first),
        (report.second, int8, report.value.second),
    ):
        assert file.path == str(path)
        assert file.size_bytes == path.stat().st_size
        assert evaluate_model(load_model(path, provider="cpu"), stripes).value == value
    assert (report.first.kind, report.second.kind) == ("FP32", "QDQ")
    assert report.drop == -report.difference
    low, high = report.difference_interval_95
    assert low <= report.difference <= high
    assert report.agreement > 0.97
    assert report.layers_n == 16
    assert min(one.sqnr_db for one in report.layers) > 20
    assert report.speedup > 0
    assert report.remarks == ()
    assert set(report.per_class) == {"horizontal", "vertical", "spot"}


def test_the_first_file_may_be_the_quantized_one(fp32, int8, stripes, report):
    turned = compare_models(*open_pair(int8, fp32, provider="cpu"), stripes, **QUICK)
    assert turned.difference == -report.difference
    # Noise is what the quantized one has, whatever the order.
    assert [one.tensor for one in turned.layers] == [one.tensor for one in report.layers]
    assert [one.sqnr_db for one in turned.layers] == [one.sqnr_db for one in report.layers]


def test_a_broken_layer_is_named(fp32, broken, stripes):
    found = compare_models(*open_pair(fp32, broken, provider="cpu"), stripes, **QUICK)
    assert found.agreement < 0.9
    assert found.drop > 0.1
    assert found.test.p_value < 0.001
    assert found.difference_interval_95[1] < 0
    noise = [one.sqnr_db for one in found.layers]
    assert noise[0] is None  # before it, all is as it was
    assert found.layers[0].max_abs == 0
    (remark,) = found.remarks
    assert "more than a tenth of noise is conv 3×3" in remark
    with pytest.raises(
        EdgeCNNError, match=r"broken\.onnx: accuracy drops by .* points, more than 1"
    ):
        check_gates(found, max_drop=1)
    with pytest.raises(EdgeCNNError, match=r"same label in .*%, less than 95\.00%"):
        check_gates(found, min_agreement=0.95)
    with pytest.raises(EdgeCNNError, match=r"accuracy drops by .*; same label in"):
        check_gates(found, max_drop=1, min_agreement=0.95)


def test_gates_that_hold(report):
    check_gates(report)
    check_gates(report, max_drop=3, min_agreement=0.97)
    loss = msgspec.structs.replace(report, drop=0.03)
    check_gates(loss, max_drop=3)
    with pytest.raises(EdgeCNNError, match="drops by 3 points, more than 2"):
        check_gates(loss, max_drop=2.9999)


def test_nats_are_no_percent(report):
    text = msgspec.structs.replace(report, drop=0.03, metric="nats per character")
    check_gates(text, max_drop=0.03)
    with pytest.raises(EdgeCNNError, match=r"drops by 0\.03 nats, more than 0\.02"):
        check_gates(text, max_drop=0.02)


def test_a_drop_that_is_no_number_passes_no_gate(report):
    with pytest.raises(EdgeCNNError, match="drops by nan"):
        check_gates(msgspec.structs.replace(report, drop=float("nan")), max_drop=50)


def test_without_labels(fp32, int8, stripes):
    plain = PictureArray(stripes.info, stripes.pictures, None)
    pair = open_pair(fp32, int8, provider="cpu")
    found = compare_models(*pair, plain, limit=50, seconds=0, layer_samples=0)
    assert (found.metric, found.value, found.drop, found.per_class) == (None, None, None, {})
    assert (found.n, found.layers, found.latency_ms, found.speedup) == (50, (), None, None)
    assert "no labels" in found.remarks[0]
    check_gates(found, min_agreement=0.9)
    with pytest.raises(UsageError, match="max-drop needs labels"):
        check_gates(found, max_drop=1)
    with pytest.raises(UsageError, match="max-drop needs labels, and stripes:test has none"):
        require_labels(plain, pair[0].metadata)
    require_labels(stripes, pair[0].metadata)


def test_the_same_file_twice(fp32, stripes):
    found = compare_models(*open_pair(fp32, fp32, provider="cpu"), stripes, **QUICK)
    assert (found.agreement, found.difference, found.layers) == (1, 0, ())
    assert found.drop == 0
    assert str(found.drop) == "0.0"
    assert "both are the same file" in found.remarks[0]


def test_other_weights_have_no_layers_in_common(fp32, stripes, tmp_path):
    """Two trainings of one architecture bear the same names, and nothing else of each other."""
    model = onnx.load_model(fp32)
    random = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 1:
            other = random.normal(size=values.shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(other, tensor.name))
    onnx.save(model, tmp_path / "other.onnx")
    pair = open_pair(fp32, tmp_path / "other.onnx", provider="cpu")
    assert compare_models(*pair, stripes, **QUICK).layers == ()


def test_a_graph_of_one_example_at_a_time(fp32, int8, stripes, tmp_path):
    model = onnx.load_model(fp32)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, tmp_path / "single.onnx")
    pair = open_pair(tmp_path / "single.onnx", int8, provider="cpu")
    found = compare_models(*pair, stripes, limit=20, seconds=0, layer_samples=4)
    assert found.n == 20
    assert found.layers
    turned = compare_models(*pair[::-1], stripes, limit=20, seconds=0, layer_samples=4)
    assert len(turned.layers) == len(found.layers)


def test_a_contract_is_given_to_whichever_brings_none(fp32, int8, tmp_path, stripes):
    metadata = load_model(fp32, provider="cpu").metadata
    model = onnx.load_model(fp32)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(MetadataError, match="has no edgecnn metadata"):
        open_pair(tmp_path / "foreign.onnx", int8)
    pair = open_pair(tmp_path / "foreign.onnx", int8, contract=metadata)
    assert compare_models(*pair, stripes, seconds=0, layer_samples=0).agreement > 0.97


def test_a_file_whose_golden_vectors_fail_is_opened(fp32, broken):
    """It is what a comparison is for."""
    assert open_pair(fp32, broken)[1].path == broken


def test_another_task_is_refused(fp32, beat_model):
    with pytest.raises(TaskError, match="cannot be compared"):
        open_pair(fp32, beat_model)


def test_document_is_plain_json(report):
    document = json.loads(msgspec.json.encode(report))
    assert document["value"] == {"first": report.value.first, "second": report.value.second}
    assert set(document["test"]) == {"only_first", "only_second", "p_value", "method"}
    assert {"title", "tensor", "sqnr_db", "max_abs"} <= set(document["layers"][0])
    assert isinstance(report.value, Between)
    assert dataclasses.is_dataclass(report.layers[0])
