from __future__ import annotations

import msgspec
import numpy as np
import onnx
import pytest

from edgecnn.bundled import bundled_models
from edgecnn.calibration.baseline import distribution_of, last_feature, measure_baseline
from edgecnn.calibration.histogram import Histogram
from edgecnn.calibration.sessions import session_of
from edgecnn.errors import MetadataError
from edgecnn.export.taps import run_tapped
from edgecnn.metadata import BASELINE_LIMIT_BYTES, Baseline, Distribution, encode
from edgecnn.metadata.documents import decode_baseline
from edgecnn.runtime.drift_values import energy, sharpness
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.classify import scores


@pytest.fixture(scope="module")
def model(fp32) -> onnx.ModelProto:
    return onnx.load(fp32)


def _measure(model, metadata, data, size=16, **settings) -> Baseline:
    def batches(start=0):
        return ({"input": data[i : i + size]} for i in range(start, len(data), size))

    return measure_baseline(model, metadata, batches, data="stripes:test", **settings)


def test_of_the_values_themselves(model, metadata, calibration):
    data = calibration.inputs(metadata.input)["input"]
    feature = last_feature(model, "logits")
    baseline = _measure(model, metadata, data, feature=feature, brightness=[10.0, 30.0])
    logits = session_of(model).run(["logits"], {"input": data})[0]
    expected = {
        "input": data,
        "feature": run_tapped(model, [feature], {"input": data})[feature],
        "output": logits,
        "confidence": scores(logits, metadata.output).max(axis=1),
        "brightness": np.array([10.0, 30.0]),
        "sharpness": sharpness(data, metadata.input),
        "energy": energy(logits, metadata.output),
    }
    assert {one.what for one in baseline.distributions} == set(expected)
    for one in baseline.distributions:
        values = expected[one.what].astype(np.float64)
        width = np.abs(values).max() / 4096
        assert one.n == values.size
        assert one.low == pytest.approx(values.min(), rel=1e-5)
        assert one.high == pytest.approx(values.max(), rel=1e-5)
        assert one.mean == pytest.approx(values.mean(), abs=width)
        assert one.std == pytest.approx(values.std(), abs=width)
        # What lies below a cut was counted exactly.
        for cut, share in zip(one.cuts, np.cumsum(one.shares), strict=False):
            assert share == pytest.approx(np.mean(values < cut), abs=2e-4), one.what
    output = baseline.find("output")
    assert len(output.cuts) == 19
    assert max(output.shares) < 0.06


def test_batches_and_order_do_not_matter(model, metadata, calibration):
    data = calibration.inputs(metadata.input)["input"]
    inputs = [
        [one for one in _measure(model, metadata, array, size).distributions if one.what == "input"]
        for array, size in ((data, 16), (data[::-1].copy(), 7))
    ]
    assert inputs[0] == inputs[1]


def test_the_last_feature_is_what_the_classifier_reads(model):
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    assert last_feature(model, "logits") == gemm.input[0]
    assert last_feature(onnx.ModelProto(), "logits") is None


def test_many_channels_stay_small():
    from edgecnn.metadata import ModelMetadata, SignalInput

    spec = SignalInput(sampling_rate_hz=100, leads=tuple(f"L{i}" for i in range(40)), samples=64)
    metadata = ModelMetadata(name="x", task="classify", labels=("a", "b"), input=spec)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Flatten", ["signal"], ["f"]),
            onnx.helper.make_node("Slice", ["f", "from", "to", "axis"], ["logits"]),
        ],
        "g",
        [value("signal", 1, ["n", 40, 64])],
        [value("logits", 1, ["n", 2])],
        [
            onnx.numpy_helper.from_array(np.array([number]), name)
            for name, number in (("from", 0), ("to", 2), ("axis", 1))
        ],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10
    )
    data = np.random.default_rng(0).normal(size=(20, 40, 64)).astype(np.float32)
    baseline = measure_baseline(model, metadata, lambda: [{"signal": data}], data="x")
    assert len(encode(baseline)) <= BASELINE_LIMIT_BYTES
    assert baseline.find("input").n == data.size


def test_read_back_and_checked(model, metadata, calibration):
    data = calibration.inputs(metadata.input)["input"]
    baseline = _measure(model, metadata, data)
    text = encode(baseline)
    assert len(text) < 3000
    assert decode_baseline(text) == baseline
    with pytest.raises(MetadataError, match="schema 2"):
        decode_baseline(text.replace('"schema":1', '"schema":2'))
    one = baseline.distributions[0]
    for broken in (
        {"shares": one.shares[1:]},
        {"cuts": one.cuts[::-1]},
        {"shares": tuple(0.0 for _ in one.shares)},
    ):
        document = msgspec.to_builtins(one) | broken
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(document, Distribution)


def test_nothing():
    assert distribution_of(Histogram(), "output") is None


@pytest.mark.parametrize("name", [name for name in bundled_models() if name.endswith(".int8")])
def test_bundled_files_say_what_they_were_calibrated_on(name):
    model = load_model(f"bundled:{name}", check=False)
    if model.metadata.task == "generate":
        assert model.baseline is None  # dynamic: it needs no calibration
        return
    (use,) = [one for one in model.metadata.provenance.datasets if one.role == "calibration"]
    assert (model.baseline.data, model.baseline.samples) == (use.name, use.samples)
    assert {"feature", "output"} <= {one.what for one in model.baseline.distributions}
