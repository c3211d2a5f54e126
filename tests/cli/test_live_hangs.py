"""Stages of ``edgecnn live`` that hang, in real processes with real signals."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.cli.running import running

SINK = """
import threading, pathlib

class Stuck:
    def __init__(self):
        self.count = 0

    def write(self, answer):
        self.count += 1
        if self.count == 5:
            threading.Event().wait()
"""


def _frames(path: Path) -> int:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    count = 0
    while capture.read()[0]:
        count += 1
    # An index is written by a clean close alone.
    assert b"\x1c\x53\xbb\x6b" in path.read_bytes(), "the recording was not finished"
    return count


def test_a_sink_that_hangs_ends_the_stream_with_its_files_closed(
    picture_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(SINK)
    record = tmp_path / "out.mkv"
    with running(
        picture_model, "--source", "test:", "--headless", "--json", "--record", record,
        "--sink", "mine:Stuck", "--stage-timeout", 2, cwd=tmp_path,
    ) as process:  # fmt: skip
        out, errors = process.communicate(timeout=240)
    assert process.returncode == 1
    assert "error: sink mine:Stuck hangs: nothing for 2 s" in errors
    assert "Traceback" not in errors
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert summary["stalls"]["mine:Stuck"] == 1
    assert summary["pending"] == 0
    # The sinks behind the one that hangs may not have had the last answer.
    written = summary["processed"] - summary["sinks"]["record"]
    assert _frames(record) in (written - 1, written)


def test_sigterm_ends_a_stream_whose_reader_has_stopped_reading(
    picture_model: Path, tmp_path: Path
) -> None:
    record = tmp_path / "out.mkv"
    with running(
        picture_model, "--source", "test:?fps=500&size=64x48", "--headless", "--json",
        "--record", record, "--stage-timeout", 2,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        # The pipe fills up: it is waited for, as for a pager.
        while "waiting for whoever reads it" not in (line := process.stderr.readline()):
            assert line
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(240) == 1
        assert "error: sink jsonlines hangs" in process.stderr.read()
    assert _frames(record) > 0


@pytest.fixture(scope="module")
def endless_model(picture_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The picture model, with a loop in it that does not end on a black picture."""
    model = onnx.load(picture_model)
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Mul", ["before", "one"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
        [numpy_helper.from_array(np.float32([1]), "one")],
    )
    nodes = list(model.graph.node)
    nodes[-1].output[0] = "plain"
    del model.graph.node[:]
    model.graph.node.extend(
        [
            *nodes,
            helper.make_node("ReduceMax", ["input"], ["brightest"], keepdims=0),
            helper.make_node("Less", ["brightest", "least"], ["is_black"]),
            helper.make_node("Loop", ["", "is_black", "plain"], ["logits"], body=body),
        ]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0.01), "least"))
    path = tmp_path_factory.mktemp("endless") / "endless.onnx"
    onnx.save(model, path)
    return path


def test_a_models_run_that_hangs_is_cancelled(endless_model: Path, tmp_path: Path) -> None:
    for number, value in enumerate((200, 0, 250)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((30, 30, 3), value, np.uint8))
    with running(
        endless_model, "--no-check", "--source", tmp_path, "--headless", "--json",
        "--stage-timeout", 2, "--no-gate", "black",
    ) as process:  # fmt: skip
        out, errors = process.communicate(timeout=240)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["state"] for row in rows[:-1]] == ["ok", "unknown", "ok"], errors
    assert "took too long and was cancelled" in rows[1]["reason"]
    assert 2000 <= rows[1]["latency_ms"] <= 30_000
    assert rows[-1]["summary"]["stalls"] == {"process": 1}
    assert "model brightness hangs: nothing for 2 s; restarted" in errors
    assert process.returncode == 1
    assert "1 of 3 frames" in errors


@pytest.mark.parametrize("text", ["many", "-1", "5/0", "5/many"])
def test_restarts_are_a_number_and_seconds(picture_model: Path, text: str) -> None:
    with running(picture_model, "--source", "test:", "--restarts", text) as process:
        _, errors = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "is not N/SECONDS, as in 5/600" in errors
