"""``edgecnn export`` to another form: FP16, preprocessing and decoding inside."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgecnn.cli.run import run
from edgecnn.runtime.session import load_model


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_file_that_exists(capsys) -> None:
    arguments = ["bundled:mnist-lenet5", "--fp16", "--fp16-block", "Gemm", "-o", "half.onnx"]
    assert run(["export", *arguments]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[2].startswith("fp16 against FP32 on 64 inputs: same answer in 100.00%; largest")
    assert lines[3] == "kept in FP32: 3 nodes"
    assert lines[4].endswith(": asked for")
    assert lines[-1] == "6 golden vectors, measured anew"
    assert "no faster on a CPU" in err
    assert run(["inspect", "half.onnx"]) == 0
    assert "FP16, inputs and outputs FP32" in capsys.readouterr().out


def test_a_module_in_one_go(capsys) -> None:
    Path("form_net.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    net = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4, 4))\n"
        "    nn.init.eye_(net[2].weight); nn.init.zeros_(net[2].bias)\n"
        "    return net\n"
    )
    arguments = ["form_net:build", "--input-shape", "1,8,8", "--labels", "a,b,c,d"]
    options = ["--embed-preprocessing", "--embed-decoding", "--top", "2", "-o", "net.onnx"]
    assert run(["export", *arguments, *options, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["path"] == "net.onnx"
    assert report["source"] == "form_net:build"
    assert report["parity"]["top1_agreement"] == 1.0
    assert [step["what"] for step in report["steps"]] == ["embed-preprocessing", "embed-decoding"]
    assert report["size_bytes"] == Path("net.onnx").stat().st_size
    model = load_model("net.onnx", provider="cpu")
    frame = np.zeros((1, 40, 40, 3), np.uint8)
    frame[:, 20:, :20] = 255
    (labels,) = model.session.run(["labels"], {"frame": frame})
    assert labels.shape == (1, 2)
    assert labels[0, 0] == 2
    assert sorted(p.name for p in Path().iterdir() if p.suffix == ".onnx") == ["net.onnx"]


def test_a_foreign_file_with_its_contract(foreign_detector, capsys) -> None:
    arguments = [str(foreign_detector.model), "--metadata", str(foreign_detector.contract)]
    options = ["--embed-preprocessing", "--embed-decoding", "-o", "dogs.onnx"]
    assert run(["export", *arguments, *options]) == 0
    assert "takes frame; gives boxes, scores, labels" in capsys.readouterr().out
    model = load_model("dogs.onnx", provider="cpu")
    frame = np.full((1, 200, 200, 3), 255, np.uint8)
    boxes, labels = model.session.run(["boxes", "labels"], {"frame": frame})
    assert model.metadata.labels[labels[0, 0]] == "dog"
    assert boxes.shape == (1, 1, 4)


def test_a_foreign_file_is_verified_and_locked_first(foreign_detector, capsys) -> None:
    """It was once only given the form: neither simplified nor ever to be rebuilt."""
    arguments = [str(foreign_detector.model), "--metadata", str(foreign_detector.contract)]
    assert run(["export", *arguments, "--embed-decoding", "-o", "dogs.onnx"]) == 0
    out, err = capsys.readouterr()
    assert "the original file and ONNX Runtime on 64 inputs" in out
    assert "for ONNX Runtime 1.12 and newer" in out
    assert "the batch is fixed at 1" in err
    assert run(["export", "--rebuild", "dogs.onnx", str(foreign_detector.model.parent)]) == 0
    capsys.readouterr()
    assert run(["inspect", "dogs.onnx"]) == 0
    assert "parity: drawings, 64 (drawn by edgecnn; Apache-2.0)\n" in capsys.readouterr().out


def test_several_pictures_to_compare_on(capsys) -> None:
    """Where more than one was named, drawings were once taken instead, without a word."""
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 50, 3), np.uint8)
        cv2.imwrite(f"{number}.png", pixels)
    options = ["--embed-preprocessing", "--embed-decoding", "-o", "camera.onnx", "--json"]
    data = [x for number in range(3) for x in ("--verify-with", f"{number}.png")]
    assert run(["export", "bundled:mnist-lenet5", *options, *data]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [step["samples"] for step in report["steps"]] == [3, 3]
    assert report["oldest_runtime"] == "1.18"


def test_all_inputs_are_named(capsys) -> None:
    assert run(["export", "bundled:ecg-beats", "--embed-decoding", "-o", "beats.onnx"]) == 0
    assert "takes beat, rr, likeness; gives scores, labels" in capsys.readouterr().out


def test_what_embedding_does_to_the_opset_is_said(tmp_path, capsys) -> None:
    """Decoding needs operators of 11 and newer."""
    nodes = [helper.make_node("Flatten", ["input"], ["logits"])]
    value = helper.make_tensor_value_info
    shapes = {"input": ["n", 1, 2, 2], "logits": ["n", 4]}
    ends = {name: value(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()}
    graph = helper.make_graph(nodes, "g", [ends["input"]], [ends["logits"]])
    opsets = [helper.make_opsetid("", 9)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=4), "old.onnx")
    contract = ["--input-shape", "1,2,2", "--labels", "a,b,c,d"]
    assert run(["export", "old.onnx", *contract, "--embed-decoding", "-o", "new.onnx"]) == 0
    out, err = capsys.readouterr()
    assert "opset 13" in out
    assert "opset 9 became 13" in err


def test_a_tolerance_is_not_ignored(capsys) -> None:
    options = ["--embed-decoding", "--atol", "0", "--rtol", "0", "-o", "x.onnx"]
    assert run(["export", "bundled:mnist-lenet5", *options]) in (0, 1)
    out, err = capsys.readouterr()
    assert "tolerance 0 + 0 |reference|" in out or "tolerance 0 + 0 * |reference|" in err


def test_a_bundled_file_as_the_source(capsys) -> None:
    assert run(["export", "bundled:mnist-lenet5", "--opset", "21", "-o", "lenet.onnx"]) == 0
    assert "opset 21, IR 10" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["bundled:mnist-lenet5", "--fp16-io"], 2, "go with --fp16"),
        (["bundled:mnist-lenet5", "--fp16", "--fp16-block", "Softmx"], 2, "'Softmx'"),
        (["bundled:mnist-lenet5.int8", "--fp16"], 1, "quantized"),
        (["bundled:shakespeare-lstm", "--embed-decoding"], 1, "character by character"),
        (["bundled:ecg-beats", "--embed-preprocessing"], 1, "reads no pictures"),
        (["none.onnx", "--fp16"], 1, "no such model: none.onnx"),
    ],
)
def test_what_cannot_be_done(arguments: list[str], code: int, text: str, capsys) -> None:
    assert run(["export", *arguments, "-o", "out.onnx"]) == code
    out, err = capsys.readouterr()
    assert not out
    assert text in err
    assert "Traceback" not in err
    assert not list(Path().iterdir())


def test_a_broken_file(capsys) -> None:
    Path("broken.onnx").write_bytes(b"\x08\x0a\x3a\xff\xff")
    assert run(["export", "broken.onnx", "--fp16", "-o", "out.onnx"]) == 1
    assert "not a readable ONNX model" in capsys.readouterr().err
    assert not Path("out.onnx").exists()
