"""``edgecnn live`` that is told to end, or killed, or whose reader is gone."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import time

import cv2
import pytest

from edgecnn.runtime.sinks.matroska import read_frames
from tests.cli.running import LIMIT_S, await_handlers, has_begun, rows_of, running


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")]
)
def test_a_signal_ends_the_stream_cleanly(picture_model, tmp_path, number, reason):
    record = tmp_path / "out.mkv"
    with running(
        picture_model, "--source", "test:", "--json", "--headless", "--record", record
    ) as process:
        lines = [process.stdout.readline() for _ in range(10)]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, errors
    rows, summary = rows_of("".join(lines) + rest)
    assert summary["ended"] == reason
    assert summary["pending"] == 0
    assert summary["captured"] == summary["processed"] + summary["dropped"] + summary["failed"]
    assert len(rows) == summary["processed"] >= 10
    capture = cv2.VideoCapture(str(record), cv2.CAP_FFMPEG)
    count = 0
    while capture.read()[0]:
        count += 1
    # A machine that encodes them more slowly than they come leaves some out, and says so.
    assert count == summary["processed"] - summary["sinks"]["record"]


def test_a_second_signal_ends_a_process_that_does_not_come_to_its_end(picture_model, tmp_path):
    # Nobody writes into the pipe, so that opening it as a recording never returns.
    fifo = tmp_path / "out.mkv"
    os.mkfifo(fifo)
    with running(
        picture_model, "--source", "test:?fps=30", "--json", "--headless", "--record", fifo
    ) as process:
        json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None
        # Two that come while it has no time are one.
        for _ in range(LIMIT_S):
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
                break
        assert process.poll() == -signal.SIGTERM


def test_a_broken_pipe_ends_the_stream_quietly(picture_model):
    with running(picture_model, "--source", "test:?fps=100", "--json", "--headless") as process:
        assert json.loads(process.stdout.readline())["state"] == "ok"
        process.stdout.close()
        process.wait(LIMIT_S)
        errors = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in errors
    assert "Exception" not in errors
    assert "error" not in errors


def test_a_killed_recording_can_be_played(picture_model, tmp_path):
    record = tmp_path / "out.mkv"
    with running(
        picture_model, "--source", "test:?fps=30", "--json", "--headless", "--record", record
    ) as process:
        # How far it is behind what is told here is up to the machine.
        while not has_begun(record) or len(list(read_frames(record))) < 25:
            assert process.stdout.readline()
        process.kill()
    capture = cv2.VideoCapture(str(record), cv2.CAP_FFMPEG)
    shapes = []
    while (read := capture.read())[0]:
        shapes.append(read[1].shape)
    assert len(shapes) >= 25
    assert set(shapes) == {(480, 640, 3)}


def test_a_killed_table_can_be_read(picture_model, tmp_path):
    path = tmp_path / "out.csv"
    with running(
        picture_model, "--source", "test:?fps=60", "--json", "--headless", "--csv", path
    ) as process:
        while not path.exists() or path.read_bytes().count(b"\n") < 21:
            assert process.stdout.readline()
        process.kill()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 20
    assert all(row["more"].endswith("}") for row in rows)


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_it_without_a_traceback(picture_model, number, delay_s):
    with running(picture_model, "--source", "test:", "--json", "--headless") as process:
        await_handlers(process)
        time.sleep(delay_s)
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT_S)
    # 0 where the stream had begun, whose good end a signal is.
    assert process.returncode in (0, 128 + number), errors
    assert "Traceback" not in errors
