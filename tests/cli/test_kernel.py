from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.cli.run import run
from edgecnn.models.kernels import KERNELS


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kernel"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(KERNELS)
    assert run(["kernel", "--json"]) == 0
    (document,) = capsys.readouterr().out.splitlines()
    assert json.loads(document)["kernels"][1]["matrix"] == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]


def test_kernel_to_file_to_pictures_to_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the matrix on the command line to saved pictures, and to a live stream."""
    monkeypatch.chdir(tmp_path)
    assert run(["kernel", "-1 0 1; -2 0 2; -1 0 1", "--offset", "128", "-o", "own.onnx"]) == 0
    assert "own.onnx" in capsys.readouterr().out
    photos = tmp_path / "photos"
    (photos / "more").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    for name in ("a.png", "a.bmp", "more/b.png"):
        cv2.imwrite(str(photos / name), picture)
    assert run(["predict", "own.onnx", "photos", "-o", "made", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["output"] for row in rows] == ["made/a.png", "made/a-2.png", "made/more/b.png"]
    assert {(row["label"], row["score"], *row["size"]) for row in rows} == {(None, None, 40, 30)}
    matrix = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
    wanted = cv2.filter2D(picture, -1, matrix, delta=128)
    for row in rows:
        made = cv2.imread(row["output"])
        assert np.abs(made.astype(int) - wanted).max() <= 1
    camera = "test:digits?frames=5&pace=free&size=320x240"
    assert run(["live", "own.onnx", "--source", camera, "--headless", "--json"]) == 0
    *frames, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [frame["state"] for frame in frames] == ["ok"] * 5
    assert frames[0]["size"] == [320, 240]
    assert last["summary"]["processed"] == 5
    arguments = ["live", "own.onnx", "--source", camera, "--headless", "--record", "live.mkv"]
    assert run(arguments) == 0
    assert "5 answered" in capsys.readouterr().out
    film = cv2.VideoCapture("live.mkv")
    shown, frame = film.read()
    film.release()
    assert shown
    # The picture is the filtered one: plain ground is in the middle of the greys, not dark.
    assert abs(float(np.median(frame)) - 128) < 8


def test_text_names_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["kernel", "box-blur", "--colour", "gray", "-o", "k.onnx"]) == 0
    cv2.imwrite("p.png", np.zeros((6, 7), np.uint8))
    capsys.readouterr()
    assert run(["predict", "k.onnx", "p.png"]) == 0
    assert capsys.readouterr().out == "p.png: 7 x 6 pixels\n"
    assert run(["inspect", "k.onnx"]) == 0
    assert "picture of any size -> gray" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["blurr", "-o", "k.onnx"], 2, "no kernel named 'blurr'"),
        (["1 2; 3", "-o", "k.onnx"], 2, "row 2 of the kernel has 1 numbers"),
        (["edges"], 2, "needs -o"),
        (["-o", "k.onnx"], 2, "-o without a KERNEL"),
        (["edges", "--stride", "0", "-o", "k.onnx"], 2, "stride"),
        (["edges", "--offset", "inf", "-o", "k.onnx"], 2, "offset is not finite"),
    ],
)
def test_wrong_usage(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["kernel", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert list(tmp_path.iterdir()) == []
