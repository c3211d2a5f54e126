from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgecnn.bundled import resolve_model
from edgecnn.calibration.target import this_machine
from edgecnn.cli.run import run

QUICK = ["--seconds", "0.05", "--layers", "8", "--provider", "cpu"]
PAIR = ["compare", "bundled:mnist-lenet5", "bundled:mnist-lenet5.int8"]


@pytest.fixture(scope="module")
def levels(tmp_path_factory) -> Path:
    """Pictures that the brightness model knows, in folders by class."""
    folder = tmp_path_factory.mktemp("levels")
    for label, values in (("dark", (0, 30, 60)), ("grey", (120, 140)), ("bright", (220, 250))):
        (folder / label).mkdir()
        for value in values:
            cv2.imwrite(str(folder / label / f"{value}.png"), np.full((20, 30), value, np.uint8))
    return folder


@pytest.fixture(scope="module")
def darker(picture_model, tmp_path_factory) -> Path:
    """The same model with a bias that makes 60 grey."""
    model = onnx.load(picture_model)
    (bias,) = (t for t in model.graph.initializer if t.name == "bias")
    values = np.array([4.0, 0.0, -14.0], np.float32)
    bias.CopyFrom(numpy_helper.from_array(values, "bias"))
    path = tmp_path_factory.mktemp("darker") / "darker.onnx"
    onnx.save(model, path)
    return path


def test_text(picture_model, darker, levels, capsys):
    arguments = ["compare", str(picture_model), str(darker), "--data", str(levels), *QUICK]
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == f"A  {picture_model} (FP32, cpu)"
    assert lines[2] == f"on 7 examples of {levels.name}:all"
    (accuracy,) = (line.split() for line in lines if line.startswith("accuracy"))
    assert accuracy[1:4] == ["1.0000", "0.8571", "-14.29"]
    assert "same label in 85.71% (95 %: 48.69% to 97.43%)" in out
    assert "only A right 1, only B right 0: p = 1 (McNemar, exact)" in out
    assert "changed most often: dark → grey 1x" in out
    table = {line.split()[0]: line.split() for line in lines if line}
    assert table["dark"][1:4] == ["3", "100.00", "66.67"]
    assert table["dark"][-1] == "-20.00"
    assert err == ""


def test_json(picture_model, darker, levels, capsys):
    arguments = ["compare", str(picture_model), str(darker), "--data", str(levels), *QUICK]
    assert run([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["agreement"] == pytest.approx(6 / 7)
    assert document["drop"] == pytest.approx(1 / 7)
    assert document["test"]["only_first"] == 1
    assert document["per_class"]["dark"]["change"] == pytest.approx(-0.2)
    assert set(document["latency_ms"]) == {"first", "second"}


@pytest.mark.parametrize(
    ("gates", "code", "message"),
    [
        (["--max-drop", "15"], 0, ""),
        (["--max-drop", "14"], 1, "accuracy drops by 14.29 points, more than 14"),
        (["--min-agreement", "0.85"], 0, ""),
        (["--min-agreement", "0.86"], 1, "same label in 85.71%, less than 86.00%"),
        (["--min-agreement", "86"], 2, "not in the range"),
    ],
)
def test_gates(picture_model, darker, levels, capsys, gates, code, message):
    """What was measured is printed all the same, for whoever reads the CI's log."""
    arguments = ["compare", str(picture_model), str(darker), "--data", str(levels), *QUICK]
    assert run([*arguments, "--json", *gates]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert bool(out) == (code < 2)
    assert "Traceback" not in err


def test_without_labels(picture_model, darker, levels, capsys, monkeypatch):
    arguments = ["compare", str(picture_model), str(darker), "--data", str(levels / "dark"), *QUICK]
    assert run(arguments) == 0
    out, err = capsys.readouterr()
    assert "same label in 66.67%" in out
    assert "accuracy" not in out
    assert "no labels" in err
    # What cannot be measured is said before the work.
    monkeypatch.setattr("edgecnn.calibration.compare.compare_models", pytest.fail)
    assert run([*arguments, "--max-drop", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "max-drop needs labels, and dark:all has none" in err


def test_report(picture_model, darker, levels, tmp_path, capsys):
    out = tmp_path / "new" / "r.html"
    arguments = ["compare", str(picture_model), str(darker), "--data", str(levels), *QUICK]
    assert run([*arguments, "-o", str(out), "--min-agreement", "1"]) == 1
    assert out.read_text().startswith("<!doctype html>")
    assert [path.name for path in out.parent.iterdir()] == ["r.html"]
    assert run([*arguments, "-o", "/proc/none/r.html"]) == 1
    assert "cannot write /proc/none/r.html" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("second", "data", "code", "message"),
    [
        ("none.onnx", "mnist:test", 1, "no such model: none.onnx"),
        ("bundled:ecg-beats", "mnist:test", 1, "input pictures and heartbeats"),
        ("bundled:cifar10-resnet", "mnist:test", 1, "only one of them knows 0, 1, 2"),
        ("bundled:mnist-lenet5", "mitdb:100", 1, "mitdb:100 holds heartbeats"),
        ("bundled:mnist-lenet5", "nowhere", 1, "no such dataset or folder"),
        ("bundled:mnist-lenet5", "mnist:half", 2, "mnist has no split 'half'"),
    ],
)
def test_bad_input_is_one_line(capsys, second, data, code, message):
    assert run(["compare", "bundled:mnist-lenet5", second, "--data", data, *QUICK]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) <= 2


@pytest.mark.data
def test_mnist(data_root, capsys):
    arguments = [*PAIR, "--data", "mnist:test", "--limit", "1000", *QUICK]
    assert run([*arguments, "--max-drop", "0.5", "--min-agreement", "0.99", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["value"]["first"] > 0.98
    assert document["agreement"] > 0.99
    assert len(document["layers"]) == 7
    # The 8-bit file is made for VNNI; without it pairs of products overflow.
    least_db = 25 if this_machine() == "x86-vnni" else 10
    assert all(layer["sqnr_db"] > least_db for layer in document["layers"])
    assert document["layers"][-1]["tensor"] == "logits"
    assert document["n"] == 1000


@pytest.mark.data
def test_a_broken_copy_of_mnist_fails_its_gates(data_root, tmp_path, capsys):
    """Its second convolution was zeroed: CI must see it, and where."""
    model = onnx.load(resolve_model("bundled:mnist-lenet5"))
    (tensor,) = (t for t in model.graph.initializer if t.name == "features.3.weight")
    values = np.zeros(tuple(tensor.dims), np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, tmp_path / "broken.onnx")
    arguments = ["compare", PAIR[1], str(tmp_path / "broken.onnx"), "--data", "mnist:test"]
    assert run([*arguments, "--limit", "500", *QUICK, "--max-drop", "0.3"]) == 1
    out, err = capsys.readouterr()
    assert "p = 0 " in out or "e-" in out
    assert "(McNemar, chi-squared)" in out
    assert "the first layer with more than a tenth of noise is conv 5×5 + ReLU (relu_1)" in err
    assert "more than 0.3" in err.splitlines()[-1]


@pytest.mark.data
def test_cifar10(data_root, capsys):
    names = ("bundled:cifar10-resnet", "bundled:cifar10-resnet.int8")
    arguments = ["compare", *names, "--data", "cifar10:test", "--limit", "300", *QUICK]
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert "noise by layer, on 8 examples" in out
    assert "Newcombe 1998, method 10" in out
    sums = [line.split() for line in out.splitlines() if line.startswith("sum + ReLU ")]
    # One at the end of each residual block.
    assert [line[-3] for line in sums] == [f"relu_{number}" for number in (2, 4, 6, 8, 10)]
    least_db = 20 if this_machine() == "x86-vnni" else 5
    assert all(float(line[-2]) > least_db for line in sums)


@pytest.mark.data
def test_records_are_the_unit_of_heartbeats(data_root, capsys):
    names = ("bundled:ecg-beats", "bundled:ecg-beats.int8")
    assert run(["compare", *names, "--data", "mitdb:119,208", *QUICK, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["metric"] == "macro-F1 (N,S,V)"
    assert document["interval_method"] == "bootstrap by record"
    assert document["test"]["method"] == "signs flipped by record"
    assert "only 2 records" in document["note"]
    low, high = document["difference_interval_95"]
    assert low <= document["difference"] <= high
    assert {one["group"] for one in document["worst"]} <= {"119", "208"}
    assert document["agreement"] > 0.98
