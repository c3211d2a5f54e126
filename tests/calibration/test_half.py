from __future__ import annotations

import json
import shlex

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn.calibration.budget import Budget
from edgecnn.calibration.half_forms import HalfForms
from edgecnn.calibration.probe import sqnr_db
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.quantize_page import command_of
from edgecnn.calibration.sessions import session_of
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
    with pytest.raises(EdgeCNNError, match=r"no form of .* in FP16 keeps to the budget"):
        quantize_model(fp32, tmp_path / "h.onnx", calibration, target="cuda", min_agreement=0.99)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def shifted(fp32, tmp_path_factory):
    """The network with a number of 15,000 added to the first layer's results, and taken away again.

    Nothing overflows, but what lies between is rounded to multiples of eight.
    """
    model = onnx.load(fp32)
    graph = model.graph
    first = next(n for n in graph.node if n.op_type == "Conv")
    (reader,) = (n for n in graph.node if first.output[0] in n.input)
    graph.initializer.append(numpy_helper.from_array(np.float32(15000), "much"))
    nodes = [
        helper.make_node("Add", [first.output[0], "much"], ["lifted"], "lift"),
        helper.make_node("Sub", ["lifted", "much"], ["lowered"], "lower"),
    ]
    reader.input[0] = "lowered"
    place = list(graph.node).index(first) + 1
    copies = onnx.GraphProto(node=[*graph.node[:place], *nodes, *graph.node[place:]])
    graph.ClearField("node")
    graph.node.extend(copies.node)
    path = tmp_path_factory.mktemp("shifted") / "shifted.onnx"
    onnx.save(model, path)
    return path


def test_what_loses_digits_goes_back_to_fp32(shifted, calibration, stripes, tmp_path):
    options = {"evaluate": stripes, "samples": 32, "target": "cuda"}
    # It is not handed over as it is.
    with pytest.raises(EdgeCNNError, match="in FP16 this network gives other answers"):
        quantize_model(shifted, tmp_path / "p.onnx", calibration, **options)
    assert list(tmp_path.iterdir()) == []
    report = quantize_model(
        shifted,
        tmp_path / "h.onnx",
        calibration,
        min_agreement=0.999,
        page=tmp_path / "q.html",
        **options,
    )
    assert report.agreement >= 0.999
    # The tensor that has no digits left: what gives it, and what reads it; nothing else.
    assert report.budget_kept_fp32 == report.kept_fp32 == ("lift", "lower")
    written = load_model(tmp_path / "h.onnx", provider="cpu")
    assert written.metadata.provenance.half.kept_fp32 == ("lift", "lower")
    # Its cost is its size: nothing was timed.
    points = json.loads((tmp_path / "h.frontier.json").read_text())["points"]
    assert [(p["rest"], p["speedup"]) for p in points] == [("FP16", None)] * len(points)
    assert points[0]["size_bytes"] > 0
    assert (tmp_path / "h.frontier.png").stat().st_size > 5000
    assert "2 layers in FP32" in (tmp_path / "q.html").read_text()
    # The command that the report prints makes the same form.
    words = shlex.split(command_of(report))
    assert [words[i + 1] for i, w in enumerate(words) if w == "--exclude"] == ["lift", "lower"]
    again = quantize_model(
        shifted, tmp_path / "a.onnx", calibration, exclude=["lift", "lower"], **options
    )
    assert again.agreement == report.agreement


def test_a_layer_that_alone_is_fp32_would_gain_nothing(shifted, calibration, metadata):
    inputs = calibration.inputs(metadata.input, np.arange(8))
    forms = HalfForms(onnx.load(shifted), inputs)
    assert forms.kept(["lift"]) == ("lift", "lower")
    assert {"lift", "lower"} <= set(forms.layers)
    reference = session_of(forms.model).run(None, inputs)[0]

    def noise(*kept, exclude=()):
        made = HalfForms(forms.model, inputs, exclude).make(kept)
        return sqnr_db(session_of(made).run(None, inputs)[0], reference)

    assert noise(exclude=("lift",)) == pytest.approx(noise(), abs=0.5)
    assert noise("lift") > noise() + 10


def test_nodes_without_names_are_given_some(shifted, calibration, stripes, tmp_path):
    model = onnx.load(shifted)
    for node in model.graph.node:
        node.name = ""
    onnx.save(model, tmp_path / "nameless.onnx")
    report = quantize_model(
        tmp_path / "nameless.onnx",
        tmp_path / "h.onnx",
        calibration,
        evaluate=stripes,
        samples=32,
        target="cuda",
        min_agreement=0.999,
    )
    assert [name.partition("_")[0] for name in report.budget_kept_fp32] == ["Add", "Sub"]


def test_not_twice(made, calibration, tmp_path):
    with pytest.raises(ModelError, match="FP16 already"):
        quantize_model(made[0] / "h.onnx", tmp_path / "o.onnx", calibration, target="cuda")
