"""``edgecnn inspect`` as a person runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import onnx
import pytest

from edgecnn.cli.run import run
from edgecnn.metadata import GOLDEN_KEY


def test_text(picture_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(picture_model)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "labels      3: dark, grey, bright" in out
    assert "takes       'input' float (N, 1, 28, 28)" in out


def test_json_holds_the_metadata_as_stored(
    picture_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", str(picture_model), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    stored = {
        entry.key: json.loads(entry.value) for entry in onnx.load(picture_model).metadata_props
    }
    assert document["metadata"] == stored["edgecnn"]
    assert document["golden"] == stored[GOLDEN_KEY]
    assert document["measured"] is None
    assert document["graph"]["opset"] == {"": 17}
    assert document["graph"]["inputs"][0]["shape"] == ["N", 1, 28, 28]


def test_foreign_file_shows_its_graph_and_a_remark(
    picture_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(picture_model)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    assert run(["inspect", str(tmp_path / "foreign.onnx")]) == 0
    out, err = capsys.readouterr()
    assert "no edgecnn metadata" in err
    assert "on cpu" in out


@pytest.mark.parametrize("content", [b"", b"hello", None], ids=["empty", "text", "cut short"])
def test_what_is_no_model(
    content: bytes | None, picture_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(picture_model.read_bytes()[:300] if content is None else content)
    assert run(["inspect", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"error: {path} is not a readable ONNX model")
    assert lines[1].startswith(" hint:")


def test_missing_file_and_unknown_bundled_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "none.onnx"]) == 1
    assert "no such model" in capsys.readouterr().err
    assert run(["inspect", "bundled:none"]) == 2
    assert "no bundled model 'none'" in capsys.readouterr().err


def test_layers_page_and_totals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert run(["inspect", "bundled:mnist-lenet5", "--html", str(page)]) == 0
    out, _ = capsys.readouterr()
    assert "61,706 parameters, 246.8 kB of weights, 416,520 multiply-adds" in out
    assert "ONNX Runtime 1.18 and newer" in out
    assert page.read_text().startswith("<!doctype html>")
    assert run(["inspect", "bundled:mnist-lenet5", "--layers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["operator", "name", "output", "parameters", "MACs", "bytes"]
    assert "1x6x28x28" in lines[1]
    assert lines[-1].split()[-2:] == ["61,706", "416,520"]
    assert run(["inspect", "bundled:mnist-lenet5", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["oldest_runtime"] == "1.18"
    assert document["costs"]["macs"] == 416_520
    assert document["costs"]["layers"][0]["shape"] == [1, 6, 28, 28]


def test_a_foreign_file_is_given_its_contract(
    foreign_detector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "dogs.onnx"
    arguments = ["inspect", str(foreign_detector.model), "--write", str(foreign_detector.contract)]
    assert run([*arguments, "-o", str(out)]) == 0
    assert "labels      2: cat, dog" in capsys.readouterr().out
    assert run(["inspect", str(out)]) == 0
    assert not capsys.readouterr().err
    assert run(arguments) == 2
    assert "--write and -o go together" in capsys.readouterr().err


def test_it_needs_no_more_than_a_device_has(device_python: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    command = [str(device_python), "-m", "edgecnn", "inspect", "bundled:cifar10-resnet.int8"]
    done = subprocess.run(
        [*command, "--html", str(page)], capture_output=True, text=True, check=True, timeout=120
    )
    # A third more in the first convolution, whose fourth channel is there for speed.
    assert "48,317,536 multiply-adds" in done.stdout
    assert page.exists()
