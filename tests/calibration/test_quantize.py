"""An 8-bit file, and what it says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnx
import pytest

from edgecnn.calibration.quantize import int8_path, quantize_model
from edgecnn.evaluation.evaluate import evaluate_model
from edgecnn.export.embed import embed
from edgecnn.metadata import BASELINE_KEY, MEASURED_KEY
from edgecnn.runtime.card import model_card
from edgecnn.runtime.drift import count_values, psi
from edgecnn.runtime.inspection import inspect_model
from edgecnn.runtime.session import load_model
from tests.calibration.quick import QUICK


def test_accuracy_is_kept_and_measured_truly(quantized, fp32, stripes):
    out, report = quantized
    for path, value in ((fp32, report.fp32), (out, report.int8)):
        assert evaluate_model(load_model(path, provider="cpu"), stripes).value == value
    assert report.fp32 > 0.9
    assert abs(report.drop) < 0.03
    assert report.drop == report.fp32 - report.int8
    assert report.agreement > 0.97
    assert (report.metric, report.n) == ("accuracy", 300)


def test_json_has_the_agreed_keys(quantized):
    document = msgspec.json.decode(msgspec.json.encode(quantized[1]))
    agreed = {"metric", "fp32", "int8", "drop", "agreement", "latency_ms", "speedup"}
    assert agreed | {"size_bytes", "kept_fp32", "settings"} <= set(document)
    assert set(document["latency_ms"]) == set(document["size_bytes"]) == {"fp32", "int8"}
    assert document["size_bytes"]["int8"] == quantized[0].stat().st_size


def test_numbers_go_into_the_files_metadata(quantized, fp32):
    out, report = quantized
    model = load_model(out, provider="cpu")
    recipe = model.metadata.provenance.quantization
    assert recipe.per_channel
    assert (recipe.weights, recipe.samples) == ("int8", 64)
    assert recipe.method == report.settings["method"]
    assert f"logits_sqnr_db, {recipe.method}" in report.settings
    assert recipe.kept_fp32 == report.kept_fp32 == ()
    used = [d for d in model.metadata.provenance.datasets if d.role == "calibration"]
    assert [(d.name, d.samples) for d in used] == [("stripes:test", 64)]
    assert model.measured.accuracy[0].value == report.int8
    assert model.measured.latency[0].p50_ms == report.latency_ms["int8"]
    assert model.measured.revision == "abc"
    assert model.measured.parity is None
    before = load_model(fp32, provider="cpu").metadata
    assert (model.metadata.labels, model.metadata.input) == (before.labels, before.input)


def test_tables_of_a_thousand_classes_stay_out_of_the_file(fp32, stripes, calibration, tmp_path):
    model = onnx.load(fp32)
    last = next(node for node in model.graph.node if node.op_type == "Gemm")
    weights = {t.name: t for t in model.graph.initializer}
    for name in last.input[1:]:
        small = onnx.numpy_helper.to_array(weights[name])
        padding = [(0, 97), *[(0, 0)] * (small.ndim - 1)]
        fill = 0.0 if small.ndim > 1 else -50.0
        large = np.pad(small, padding, constant_values=fill)
        weights[name].CopyFrom(onnx.numpy_helper.from_array(large, name))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 100
    metadata = load_model(fp32, provider="cpu").metadata
    labels = (*metadata.labels, *(f"unused {i}" for i in range(97)))
    embed(model, msgspec.structs.replace(metadata, labels=labels))
    onnx.save(model, tmp_path / "wide.onnx")
    out = tmp_path / "o.onnx"
    report = quantize_model(tmp_path / "wide.onnx", out, calibration, evaluate=stripes, **QUICK)
    stored = load_model(out, provider="cpu").measured.accuracy[0]
    assert (stored.value, stored.confusion, stored.per_class) == (report.int8, (), {})
    assert len(report.per_class) == 100


def test_golden_vectors_are_its_own(quantized, fp32):
    int8, before = (load_model(p, provider="cpu") for p in (quantized[0], fp32))
    assert int8.warnings == ()
    assert int8.golden.examples[0].logits != before.golden.examples[0].logits
    assert int8.golden.tolerance["cpu"] > before.golden.tolerance["cpu"]


def test_only_own_keys_and_the_sources_are_in_it(fp32, calibration, tmp_path):
    source = tmp_path / "owned.onnx"
    model = onnx.load(fp32)
    model.metadata_props.add(key="owner", value="someone")
    onnx.save(model, source)
    quantize_model(source, tmp_path / "out.onnx", calibration, **QUICK)
    written = onnx.load(tmp_path / "out.onnx")
    keys = {entry.key for entry in written.metadata_props}
    ours = {"edgecnn", "edgecnn.golden", "edgecnn.measured", "edgecnn.baseline"}
    assert keys == {"owner"} | ours
    assert written.producer_name == "edgecnn"
    assert {o.domain for o in written.opset_import} == {""}


def test_same_bytes_again(fp32, calibration, tmp_path):
    contents = []
    for name in ("a.onnx", "b.onnx"):
        quantize_model(fp32, tmp_path / name, calibration, **QUICK)
        model = onnx.load(tmp_path / name)
        kept = [entry for entry in model.metadata_props if entry.key != MEASURED_KEY]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        contents.append(model.SerializeToString(deterministic=True))
    assert contents[0] == contents[1]


@pytest.mark.parametrize("method", ["min-max", "moving-average", "percentile", "mse"])
def test_other_methods(fp32, calibration, stripes, tmp_path, method):
    out = tmp_path / "out.onnx"
    report = quantize_model(fp32, out, calibration, evaluate=stripes, method=method, **QUICK)
    assert abs(report.drop) < 0.05
    assert str(report.settings["method"]).startswith(method)


@pytest.mark.parametrize(
    ("target", "types"), [("x86-vnni", ("uint8", False)), ("x86", ("uint8", True)),
                          ("arm", ("int8", False))],
)  # fmt: skip
def test_target_decides_the_types_on_every_machine(fp32, calibration, tmp_path, target, types):
    out = tmp_path / "o.onnx"
    report = quantize_model(fp32, out, calibration, target=target, **QUICK)
    provenance = load_model(out, provider="cpu").metadata.provenance
    assert provenance.settings["quantize.target"] == report.settings["target"] == target
    assert (provenance.quantization.activations, provenance.quantization.reduce_range) == types


def test_signed_activations_and_excluded_nodes(fp32, calibration, tmp_path):
    node = next(n.name for n in onnx.load(fp32).graph.node if n.op_type == "Conv")
    report = quantize_model(
        fp32, tmp_path / "o.onnx", calibration, activations="int8", exclude=[node], **QUICK
    )
    assert report.settings["activations"] == "int8"
    assert len(report.kept_fp32) >= 1
    assert any("run in FP32 all the same" in remark for remark in report.remarks)


def test_progress_is_told(fp32, calibration, stripes, tmp_path):
    told: dict[str, list[tuple[int, int]]] = {}
    quantize_model(
        fp32,
        tmp_path / "o.onnx",
        calibration,
        evaluate=stripes,
        progress=lambda stage, done, total: told.setdefault(stage, []).append((done, total)),
        **QUICK,
    )
    assert list(told) == [
        "looking",
        "comparing data",
        "calibrating",
        "choosing method",
        "correcting biases",
        "comparing",
        "timing",
        "describing",
    ]
    for steps in told.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


def test_nothing_is_left_behind(fp32, calibration, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    quantize_model(fp32, tmp_path / "o.onnx", calibration, **QUICK)
    assert list(scratch.iterdir()) == []
    assert {p.name for p in tmp_path.iterdir()} == {"scratch", "o.onnx"}


def test_usual_name():
    assert int8_path(Path("a/b.onnx")) == Path("a/b.int8.onnx")


WITHOUT_TORCH = """
import sys
for name in ("torch", "onnxsim", "onnxscript", "safetensors", "scipy", "sympy"):
    sys.modules[name] = None
from edgecnn.cli.run import run
sys.exit(run(sys.argv[1:]))
"""


def test_torch_is_not_needed(fp32, tmp_path):
    """``edgecnn[quantize,cpu]`` is all that it takes."""
    cv2.imwrite(str(tmp_path / "a.png"), np.eye(30, dtype=np.uint8) * 255)
    command = [sys.executable, "-c", WITHOUT_TORCH, "quantize", str(fp32)]
    done = subprocess.run(
        [
            *command,
            "--calibration",
            str(tmp_path),
            "-o",
            str(tmp_path / "o.onnx"),
            "--json",
            "--allow-slower",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["settings"]["samples"] == 1


def test_without_onnx_the_extra_is_named(fp32, tmp_path):
    command = [sys.executable, "-c", WITHOUT_TORCH.replace('"torch"', '"onnx"'), "quantize"]
    done = subprocess.run(
        [*command, str(fp32), "--calibration", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: onnx is not installed" in done.stderr
    assert "edgecnn[quantize,cpu]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_baseline_is_in_the_file_and_read_without_onnx(quantized, calibration, metadata):
    """Measured on the file's own answers; ONNX Runtime alone reads it."""
    out, _ = quantized
    model = load_model(out, provider="cpu")
    baseline = model.baseline
    assert (baseline.data, baseline.samples) == ("stripes:test", 64)
    kinds = [one.what for one in baseline.distributions]
    of_each = ["confidence", "sharpness", "energy"]
    assert kinds == ["brightness", "input", "feature", "output", *of_each]
    assert len(model.session.get_modelmeta().custom_metadata_map[BASELINE_KEY]) < 4096
    inspection = inspect_model(out, provider="cpu")
    assert (inspection.baseline, inspection.other_keys) == (baseline, ())
    said = (
        f"brightness, input, feature, output, {', '.join(of_each)} of 64 examples of stripes:test"
    )
    assert ("baseline", said) in model_card(inspection)
    # Of the data itself, nothing drifts; of its negative, all does.
    inputs = calibration.inputs(metadata.input)
    same = count_values(inputs["input"], baseline.find("input", 0))
    other = count_values(-inputs["input"] + 1, baseline.find("input", 0))
    assert psi(same, baseline.find("input", 0)) < 0.05
    assert psi(other, baseline.find("input", 0)) > 0.25
    counts = count_values(model.run(inputs), baseline.find("output"))
    assert psi(counts, baseline.find("output")) < 0.1
    code = """
import sys
from edgecnn.runtime.session import load_model
assert load_model(sys.argv[1], provider="cpu").baseline.samples == 64
assert "onnx" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(out)], check=True)
