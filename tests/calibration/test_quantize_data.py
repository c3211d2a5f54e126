"""What a file is calibrated and measured on."""

from __future__ import annotations

import dataclasses
import json

import cv2
import numpy as np
import onnx
import pytest

from edgecnn.calibration.quantize import quantize_model
from edgecnn.data import open_dataset
from edgecnn.data.arrays import PictureArray
from edgecnn.runtime.session import load_model
from tests.calibration.quick import QUICK


def test_calibrating_on_the_measured_data_is_said(quantized, fp32, stripes, tmp_path):
    said = "calibrated on the very data it is measured on"
    assert not any(said in remark for remark in quantized[1].remarks)
    report = quantize_model(fp32, tmp_path / "o.onnx", stripes, evaluate=stripes, **QUICK)
    assert any(said in remark for remark in report.remarks)
    # The splits of an archive share its hash.
    train = PictureArray(
        dataclasses.replace(stripes.info, split="train"), stripes.pictures, stripes.targets
    )
    report = quantize_model(fp32, tmp_path / "o.onnx", train, evaluate=stripes, **QUICK)
    assert not any(said in remark for remark in report.remarks)


def test_without_labels_agreement_is_measured_on_the_rest(fp32, calibration, tmp_path):
    unlabelled = PictureArray(calibration.info, calibration.pictures, None)
    report = quantize_model(fp32, tmp_path / "o.onnx", unlabelled, **QUICK)
    assert (report.metric, report.fp32, report.int8, report.drop) == (None, None, None, None)
    assert report.agreement_on == "stripes:test, not used in calibration"
    assert report.n == 200 - 64
    assert any("accuracy was not measured" in remark for remark in report.remarks)
    few = PictureArray(calibration.info, calibration.pictures[:10], None)
    report = quantize_model(fp32, tmp_path / "o.onnx", few, **QUICK)
    assert report.agreement_on == "stripes:test, used in calibration"


def test_calibration_uses_the_files_own_preprocessing(fp32, calibration, tmp_path):
    """The spec that data is asked for is the file's, and it is read in parts."""
    asked = []

    class _Watched(PictureArray):
        def inputs(self, spec, indices=None):
            asked.append((spec, len(indices)))
            return super().inputs(spec, indices)

    data = _Watched(calibration.info, calibration.pictures, calibration.targets)
    quantize_model(fp32, tmp_path / "o.onnx", data, **QUICK)
    assert {spec for spec, _ in asked} == {load_model(fp32, provider="cpu").metadata.input}


@pytest.mark.data
def test_lenet_on_mnist_keeps_its_accuracy(data_root, tmp_path):
    """8 bits cost LeNet no accuracy. They do not make it faster, which must be said."""
    report = quantize_model(
        "bundled:mnist-lenet5",
        tmp_path / "o.onnx",
        open_dataset("mnist:train"),
        evaluate=open_dataset("mnist:test"),
        allow_slower=True,
    )
    assert report.n == 10_000
    assert report.fp32 >= 0.992
    assert abs(report.drop) <= 0.003
    assert report.agreement >= 0.995
    assert report.size_bytes["int8"] < 0.5 * report.size_bytes["fp32"]
    assert bool([r for r in report.remarks if "slower" in r]) == (report.pays == "slower")


@pytest.mark.data
def test_beats_keep_their_accuracy(data_root, tmp_path):
    records = open_dataset("mitdb:119,208")
    report = quantize_model(
        "bundled:ecg-beats",
        tmp_path / "o.onnx",
        open_dataset("mitdb:106,223"),
        evaluate=records,
        allow_slower=True,
    )
    assert report.metric == "macro-F1 (N,S,V)"
    assert abs(report.drop) <= 0.02
    assert report.agreement >= 0.985
    assert set(report.per_class) == {"N", "S", "V", "F"}
    assert load_model(tmp_path / "o.onnx", provider="cpu").golden is not None


def test_weights_beside_the_file_count_for_the_cache(fp32, calibration, tmp_path):
    """The same graph with other weights in its data file is another model."""
    paths = []
    for name, factor in (("a", 1.0), ("b", 3.0)):
        (tmp_path / name).mkdir()
        model = onnx.load(fp32)
        first = next(t for t in model.graph.initializer if len(t.dims) == 4)
        scaled = onnx.numpy_helper.to_array(first) * np.float32(factor)
        first.CopyFrom(onnx.numpy_helper.from_array(scaled, first.name))
        path = tmp_path / name / "m.onnx"
        onnx.save(model, path, save_as_external_data=True, location="m.data", size_threshold=64)
        paths.append(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    settings = {**QUICK, "cache": tmp_path / "cache"}
    for path in paths:
        quantize_model(path, path.with_name("o.onnx"), calibration, **settings)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_other_forms_of_the_same_data_give_the_same_graph(fp32, calibration, metadata, tmp_path):
    """A folder, lists of files, an array of pictures, and the tensors themselves."""
    (tmp_path / "p").mkdir()
    pictures = calibration.pictures[:40]
    files = [tmp_path / "p" / f"{number:03}.png" for number in range(40)]
    for file, picture in zip(files, pictures, strict=True):
        cv2.imwrite(str(file), picture)
    (tmp_path / "l.csv").write_text("path,label\n" + "".join(f"{f},spot\n" for f in files))
    (tmp_path / "l.jsonl").write_text("".join(json.dumps({"path": str(f)}) + "\n" for f in files))
    (tmp_path / "l.txt").write_text("".join(f"p/{f.name}\n" for f in files))
    np.save(tmp_path / "x.npy", pictures)
    np.savez(tmp_path / "t.npz", calibration.inputs(metadata.input, np.arange(40))["input"])
    graphs = []
    for spec in ("p", "l.csv", "l.jsonl", "l.txt", "x.npy", "tensors:t.npz"):
        prefix, _, name = spec.rpartition(":")
        data = open_dataset(f"{prefix}:{tmp_path / name}" if prefix else tmp_path / name)
        quantize_model(fp32, tmp_path / "o.onnx", data, **QUICK)
        graphs.append(onnx.load(tmp_path / "o.onnx").graph)
    assert all(graph == graphs[0] for graph in graphs)
