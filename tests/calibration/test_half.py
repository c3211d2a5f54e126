from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from edgecnn.calibration.budget import Budget
from edgecnn.calibration.quantize import quantize_model
from edgecnn.errors import EdgeCNNError, ModelError
from edgecnn.runtime.session import load_model


@pytest.fixture(scope="module")
def made(fp32, calibration, stripes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("half")
    report = quantize_model(
        fp32,
        folder / "h.onnx",
        calibration,
        evaluate=stripes,
        samples=32,
        target="cuda",
        max_drop=1.0,
        page=folder / "q.html",
    )
    return folder, report


def test_cuda_gets_fp16(made, stripes):
    folder, report = made
    model = onnx.load(folder / "h.onnx")
    types = {t.data_type for t in model.graph.initializer if len(t.dims) > 1}
    assert types == {TensorProto.FLOAT16}
    ends = [v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)]
    assert ends == [TensorProto.FLOAT] * 2
    assert report.settings["form"] == "fp16"
    assert report.agreement > 0.99
    assert report.size_bytes["int8"] < report.size_bytes["fp32"]


def test_no_time_is_claimed_that_was_not_measured(made):
    folder, report = made
    assert (report.pays, report.speedup, report.latency_ms) == ("unmeasured here", None, {})
    assert any("unmeasured" in remark for remark in report.remarks)
    written = load_model(folder / "h.onnx", provider="cpu")
    assert written.measured.latency == ()
    assert written.measured.accuracy[0].value == report.int8
    assert written.metadata.provenance.half.keep_io
    assert written.golden is not None
    assert "unmeasured here" in (folder / "q.html").read_text()


def test_it_is_measured_as_a_gpu_rounds_it(fp32, calibration, stripes, tmp_path):
    """Digits below FP16's are lost though this CPU computes the file in FP32: accuracy says so."""
    model = onnx.load(fp32)
    constants = {t.name: t for t in model.graph.initializer}
    first, second = [n for n in model.graph.node if n.op_type == "Conv"]

    def scale(name, factor):
        values = numpy_helper.to_array(constants[name]) * np.float32(factor)
        constants[name].CopyFrom(numpy_helper.from_array(values, name))

    for name in first.input[1:]:
        scale(name, 3e6)
    scale(second.input[1], 1 / 3e6)
    onnx.save(model, tmp_path / "large.onnx")
    report = quantize_model(
        tmp_path / "large.onnx", tmp_path / "h.onnx", calibration, evaluate=stripes, target="cuda"
    )
    # What would overflow stays FP32, and is named.
    assert report.kept_fp32
    assert report.agreement > 0.98


def test_a_budget_that_is_not_kept_to_leaves_no_file(fp32, calibration, tmp_path, monkeypatch):
    monkeypatch.setattr(Budget, "fits", lambda *_: False)
    with pytest.raises(EdgeCNNError, match="FP16 does not keep to the budget"):
        quantize_model(fp32, tmp_path / "h.onnx", calibration, target="cuda", min_agreement=0.99)
    assert list(tmp_path.iterdir()) == []


def test_not_twice(made, calibration, tmp_path):
    with pytest.raises(ModelError, match="FP16 already"):
        quantize_model(made[0] / "h.onnx", tmp_path / "o.onnx", calibration, target="cuda")
