from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgecnn.bundled import resolve_model
from edgecnn.cli.run import run
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.runtime.session import load_model


@pytest.fixture
def digit(tmp_path: Path) -> Path:
    golden = load_model("bundled:mnist-lenet5", check=False).golden
    assert golden is not None
    path = tmp_path / "digit.png"
    path.write_bytes(golden.examples[0].data)
    return path


def test_text(digit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["explain", "bundled:mnist-lenet5", str(digit), "-o", str(out)]) == 0
    first, *files, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{digit}: ")
    assert files == [str(out / f"{name}.png") for name in ("evidence", "kernels", "layers")]
    assert last == f"7 layers in {out / 'layers'}"
    assert (out / "layers" / "01-conv-5x5-relu.png").is_file()


def test_json(digit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["explain", "bundled:mnist-lenet5.int8", str(digit), "-o", str(tmp_path / "o")]
    assert run([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["method"], document["layers"]) == ("occlusion", 7)
    assert all(Path(file).is_file() for file in document["files"])


def test_a_file_without_a_contract(
    digit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(resolve_model("bundled:mnist-lenet5"))
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    arguments = ["explain", str(tmp_path / "bare.onnx"), str(digit), "-o", str(tmp_path / "out")]
    assert run(arguments) == 1
    err = capsys.readouterr().err
    assert "has no edgecnn metadata" in err
    assert "--metadata" in err
    assert not (tmp_path / "out").exists()
    (tmp_path / "m.toml").write_text(
        "labels = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']\n"
        "[input]\nkind = 'image'\nheight = 28\nwidth = 28\ncolour = 'gray'\n"
        "mean = [0.1307]\nstd = [0.3081]\n"
    )
    assert run([*arguments, "--metadata", str(tmp_path / "m.toml")]) == 0
    assert (tmp_path / "out" / "evidence.png").is_file()


def test_neither_torch_nor_matplotlib_is_needed(digit: Path, tmp_path: Path) -> None:
    arguments = ["explain", "bundled:mnist-lenet5", str(digit), "-o", str(tmp_path / "out")]
    code = f"from edgecnn.cli.run import run\nassert run({arguments!r}) == 0\nimport sys\n"
    code += "assert not {'torch', 'matplotlib', 'scipy', 'onnxscript'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["bundled:mnist-lenet5", "none.png", "-o", "out"], 1, "no such file"),
        (["none.onnx", "digit.png", "-o", "out"], 1, "no such model"),
        (["bundled:mnist-lenet5", "digit.png"], 2, "missing option '-o'"),
        (["bundled:mnist-lenet5", "digit.png", "-o", "out", "--at", "3"], 2, "no time"),
        (["bundled:ecg-beats", "digit.png", "-o", "out"], 1, "digit.png"),
        (["bundled:mnist-lenet5", "digit.png", "-o", "digit.png"], 2, "is a file"),
        (["bundled:mnist-lenet5", "-o", "out"], 2, "either an INPUT file or a --text"),
        (["bundled:mnist-lenet5", "digit.png", "--text", "a", "-o", "out"], 2, "either an INPUT"),
        (["bundled:mnist-lenet5", "--text", "a", "-o", "out"], 1, "reads no sentences"),
        (["bundled:rt-polarity-cnn", "--text", "-", "-o", "out"], 1, "no word in the text"),
        (["bundled:rt-polarity-cnn", "none.txt", "-o", "out"], 1, "no such file"),
        (["bundled:rt-polarity-cnn", "digit.png", "-o", "out"], 1, "no UTF-8 text"),
        (["bundled:rt-polarity-cnn", "--text", "a", "-o", "out", "--at", "3"], 2, "for an ECG"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    code: int,
    message: str,
    digit: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(digit.parent)
    assert run(["explain", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert list(digit.parent.iterdir()) == [digit]


def test_what_follows_a_text_is_told_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    text = ["--text", "ROMEO:\nWhat light through yonder window breaks? It is the"]
    assert run(["explain", "bundled:shakespeare-lstm", *text, "-o", out]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "the text: next comes ' '"


def test_of_an_ecg_each_class_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signal = synthetic_ecg(20, 360, seed=1).signal_mv
    np.savez(tmp_path / "a.npz", ecg=signal, fs=360.0, leads=["MLII"])
    arguments = ["explain", "bundled:ecg-beats", str(tmp_path / "a.npz"), "-o", f"{tmp_path}/out"]
    assert run(arguments) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{tmp_path / 'a.npz'}: a beat of each class that was found, first ")
    np.savetxt(tmp_path / "b.csv", signal)
    bare = ["explain", "bundled:ecg-beats", str(tmp_path / "b.csv"), "-o", f"{tmp_path}/bare"]
    assert run(bare) == 1
    assert "--rate HZ" in capsys.readouterr().err
    assert run([*bare, "--rate", "360", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["label"] in first
    assert run([*arguments, "--at", "5"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{tmp_path / 'a.npz'}: N"
