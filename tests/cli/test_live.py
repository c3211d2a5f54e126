"""``edgecnn live`` as a person runs it: processes, signals, pipes."""

import contextlib
import csv
import hashlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from edgecnn import metadata as contract


def _environment():
    gone = ("DISPLAY", "WAYLAND_DISPLAY")
    return {key: value for key, value in os.environ.items() if key not in gone}


def _command(*arguments):
    return [sys.executable, "-m", "edgecnn", "live", *map(str, arguments)]


def _live(*arguments, timeout=60):
    return subprocess.run(
        _command(*arguments),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=_environment(),
        check=False,
    )


@contextlib.contextmanager
def _running(*arguments, **options):
    process = subprocess.Popen(
        _command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        **options,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _rows(text):
    rows = [json.loads(line) for line in text.splitlines()]
    return rows[:-1], rows[-1]["summary"]


def _table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _one_error_line(done):
    """See that a run failed with one line (and a hint) and nothing on stdout."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert done.returncode == 1, done.stderr
    assert len(errors) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return errors[0]


def test_json_lines_of_the_test_camera(picture_model):
    done = _live(picture_model, "--source", "test:?frames=40&fps=60", "--json")
    assert done.returncode == 0, done.stderr
    rows, summary = _rows(done.stdout)
    assert summary["captured"] == 40
    assert summary["processed"] == len(rows)
    assert summary["processed"] + summary["dropped"] == 40
    assert summary["pending"] == 0
    assert (summary["provider"], summary["ended"]) == ("cpu", "end of source")
    agreed = {"source", "frame", "captured_ns", "latency_ms", "state", "reason", "label", "score"}
    for row in rows:
        assert agreed | {"top", "ledger"} <= set(row)
        ledger = row["ledger"]
        assert ledger["captured"] == sum(ledger.values()) - ledger["captured"]
        assert row["truth"] in "0123456789"
    frames = [row["frame"] for row in rows]
    assert frames == sorted(set(frames))
    assert rows[-1]["frame"] == 39
    assert "brightness on cpu: 3/3 nodes" in done.stderr


def test_text_and_no_window_without_a_display(picture_model):
    done = _live(picture_model, "--source", "test:?frames=5&pace=free")
    assert done.returncode == 0
    assert "no window: " in done.stderr
    assert "5 frames, 5 answered in" in done.stdout
    assert "fps; latency p50" in done.stdout


def test_a_display_that_does_not_answer_does_not_abort(picture_model, monkeypatch):
    command = _command(picture_model, "--source", "test:?frames=3&pace=free")
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        env=_environment() | {"DISPLAY": ":217"},
        check=False,
    )
    assert done.returncode == 0
    assert "no window: " in done.stderr


def test_a_graph_of_kernels_without_cuda_is_refused(picture_model):
    asked = ("--source", "test:?frames=3", "--headless", "--cuda-graph")
    done = _live(picture_model, *asked, "--provider", "cpu")
    assert done.returncode == 2
    assert "--cuda-graph is for CUDA" in done.stderr
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        done = _live(picture_model, *asked)
        assert done.returncode == 1
        assert "--cuda-graph is for CUDA, and cpu runs this model" in done.stderr


def test_frames_ends_the_stream(picture_model):
    done = _live(picture_model, "--source", "test:?fps=100", "--frames", 7, "--json", "--headless")
    rows, summary = _rows(done.stdout)
    assert len(rows) == 7
    assert summary["ended"] == "frames"


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")]
)
def test_a_signal_ends_the_stream_cleanly(picture_model, tmp_path, number, reason):
    record = tmp_path / "out.mkv"
    with _running(
        picture_model, "--source", "test:", "--json", "--headless", "--record", record
    ) as process:
        lines = [process.stdout.readline() for _ in range(10)]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    rows, summary = _rows("".join(lines) + rest)
    assert summary["ended"] == reason
    assert summary["pending"] == 0
    assert summary["captured"] == summary["processed"] + summary["dropped"] + summary["failed"]
    assert len(rows) == summary["processed"] >= 10
    capture = cv2.VideoCapture(str(record), cv2.CAP_FFMPEG)
    count = 0
    while capture.read()[0]:
        count += 1
    assert count == summary["processed"]


def test_a_second_signal_ends_a_process_that_does_not_come_to_its_end(picture_model, tmp_path):
    # Nobody writes into the pipe, so that opening it as a recording never returns.
    fifo = tmp_path / "out.mkv"
    os.mkfifo(fifo)
    with _running(
        picture_model, "--source", "test:?fps=30", "--json", "--headless", "--record", fifo
    ) as process:
        json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == -signal.SIGTERM


def test_a_broken_pipe_ends_the_stream_quietly(picture_model):
    with _running(picture_model, "--source", "test:?fps=100", "--json", "--headless") as process:
        assert json.loads(process.stdout.readline())["state"] == "ok"
        process.stdout.close()
        process.wait(20)
        errors = process.stderr.read()
    assert process.returncode == 141
    assert "Traceback" not in errors
    assert "Exception" not in errors
    assert "error" not in errors


def test_a_killed_recording_can_be_played(picture_model, tmp_path):
    record = tmp_path / "out.mkv"
    with _running(
        picture_model, "--source", "test:?fps=30", "--json", "--headless", "--record", record
    ) as process:
        for _ in range(30):
            process.stdout.readline()
        process.kill()
    capture = cv2.VideoCapture(str(record), cv2.CAP_FFMPEG)
    shapes = []
    while (read := capture.read())[0]:
        shapes.append(read[1].shape)
    assert len(shapes) >= 25
    assert set(shapes) == {(480, 640, 3)}


def test_an_mp4_is_made_at_the_end_and_the_mkv_is_gone(picture_model, tmp_path):
    record = tmp_path / "out.mp4"
    done = _live(
        picture_model, "--source", "test:?frames=20&pace=free", "--headless", "--record", record
    )
    assert done.returncode == 0, done.stderr
    assert f"recorded: {record}" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    capture = cv2.VideoCapture(str(record), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 20


def test_a_table_and_a_sink_of_ones_own_get_every_frame(picture_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mysinks.py").write_text(
        "class Labels:\n"
        "    def __init__(self, path): self.file = open(path, 'w')\n"
        "    def write(self, answer): self.file.write(f'{answer.result.label}\\n')\n"
        "    def close(self, summary): self.file.close()\n"
    )
    done = _live(
        picture_model, "--source", "test:?frames=30&pace=free", "--json", "--headless",
        "--csv", "out.csv", "--sink", "mysinks:Labels?path=labels.txt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows, summary = _rows(done.stdout)
    table = _table(tmp_path / "out.csv")
    assert [int(row["frame"]) for row in table] == [row["frame"] for row in rows]
    labels = [row["label"] for row in rows]
    assert [row["label"] for row in table] == labels
    assert (tmp_path / "labels.txt").read_text().split() == labels
    assert summary["sinks"] == {"csv": 0, "mysinks:Labels": 0}


def test_the_sink_in_the_documentation_works(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (repository / "docs" / "live.md").read_text()
    (code,) = re.findall(r"```python\n# doorbell.py\n(.*?)```", page, re.DOTALL)
    (tmp_path / "doorbell.py").write_text(code)
    (sink,) = re.findall(r"--sink '(doorbell.*?)'", page)
    source = "test:?hold=0.2&fps=30&frames=30&pace=free"
    done = _live("bundled:mnist-lenet5", "--source", source, "--json", "--headless", "--sink", sink)
    assert done.returncode == 0, done.stderr
    rows, _ = _rows(done.stdout)
    good = [row["label"] for row in rows if row["state"] == "ok" and row["score"] >= 0.5]
    changes = [label for label, before in zip(good, [None, *good], strict=False) if label != before]
    told = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text().splitlines()]
    assert [row["label"] for row in told] == changes
    assert len(changes) >= 5


def test_a_sink_of_ones_own_that_fails_ends_with_one_line(picture_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("class Bad:\n    def write(self, answer): 1 / 0\n")
    done = _live(picture_model, "--source", "test:?fps=50", "--headless", "--sink", "bad:Bad")
    assert done.returncode == 1
    assert "sink bad:Bad: write failed: ZeroDivisionError" in done.stderr
    assert "(bad.py, line 2)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_killed_table_can_be_read(picture_model, tmp_path):
    path = tmp_path / "out.csv"
    with _running(
        picture_model, "--source", "test:?fps=60", "--json", "--headless", "--csv", path
    ) as process:
        for _ in range(30):
            process.stdout.readline()
        process.kill()
    rows = _table(path)
    assert len(rows) >= 20
    assert all(row["more"].endswith("}") for row in rows)


def test_a_folder_with_a_broken_picture(picture_model, tmp_path):
    for name, value in (("a.png", 0), ("c.png", 255)):
        picture = np.full((30, 30, 3), value, np.uint8)
        picture[:4, :4] = 99  # one colour all over gets no label
        cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / "b.png").write_bytes(b"nothing")
    done = _live(picture_model, "--source", tmp_path, "--json", "--headless")
    rows, summary = _rows(done.stdout)
    # As `predict` does: the others are answered, and the end is not a good one.
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert errors == [f"error: 1 of 3 frames from {tmp_path} (3 pictures) could not be answered"]
    assert [row["label"] for row in rows] == ["dark", "unknown", "bright"]
    assert [row["state"] for row in rows] == ["ok", "unknown", "ok"]
    assert "b.png" in rows[1]["reason"]
    assert [Path(row["name"]).name for row in rows] == ["a.png", "b.png", "c.png"]
    assert (summary["captured"], summary["processed"], summary["failed"]) == (3, 2, 1)


def test_nothing_but_broken_pictures_is_a_failure(picture_model, tmp_path):
    (tmp_path / "b.png").write_bytes(b"nothing")
    done = _live(picture_model, "--source", tmp_path, "--json", "--headless")
    assert done.returncode == 1
    assert "1 of 1 frames" in done.stderr
    assert _rows(done.stdout)[1]["failed"] == 1


def test_a_beat_model_reads_an_ecg():
    source = "test:ecg?seconds=30&pace=free"
    done = _live("bundled:ecg-beats", "--source", source, "--json", "--headless")
    assert done.returncode == 0, done.stderr
    rows, summary = _rows(done.stdout)
    assert (summary["captured"], summary["processed"], summary["dropped"]) == (300, 300, 0)
    beats = [beat for row in rows for beat in row["beats"]]
    assert 30 <= len(beats) <= 40
    assert {"N", "V"} <= {beat["class"] for beat in beats}


def test_a_picture_model_reads_no_ecg(picture_model):
    done = _live(picture_model, "--source", "test:ecg")
    assert done.returncode == 2
    assert "unknown test camera: test:ecg" in done.stderr


@pytest.mark.data
def test_a_real_video_frame_by_frame(picture_model, data_root):
    video = data_root / "video" / "asl-again.mkv"
    done = _live(picture_model, "--source", video, "--json", "--headless")
    rows, summary = _rows(done.stdout)
    assert done.returncode == 0
    assert [row["frame"] for row in rows] == list(range(77))
    assert (summary["captured"], summary["processed"], summary["dropped"]) == (77, 77, 0)


def test_a_recording_that_was_cut_off_ends_with_an_error_and_exact_books(picture_model, tmp_path):
    whole, cut = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    done = _live(
        picture_model, "--source", "test:?frames=60&pace=free", "--headless", "--record", whole
    )
    assert done.returncode == 0, done.stderr
    content = whole.read_bytes()
    cut.write_bytes(content[: int(0.6 * len(content))])
    done = _live(picture_model, "--source", whole, "--json", "--headless")
    assert done.returncode == 0, done.stderr
    assert _rows(done.stdout)[1]["captured"] == 60
    done = _live(picture_model, "--source", cut, "--json", "--headless")
    assert done.returncode == 1
    rows, summary = _rows(done.stdout)
    assert 33 <= len(rows) <= 37
    assert "ended about " in summary["ended"]
    assert f"early, after {len(rows)}" in summary["ended"]
    assert f"error: {summary['ended']}" in done.stderr
    assert (summary["captured"], summary["processed"]) == (len(rows), len(rows))
    assert summary["dropped"] == summary["failed"] == summary["pending"] == 0


def _await_handlers(process):
    """Wait until the program handles SIGTERM: until then the interpreter starts, and not we."""
    status = Path(f"/proc/{process.pid}/status")
    bit = 1 << (signal.SIGTERM - 1)
    for _ in range(1000):
        caught = next(
            (x for x in status.read_text().splitlines() if x.startswith("SigCgt")), "x\t0"
        )
        if int(caught.split()[1], 16) & bit:
            return
        time.sleep(0.005)
    raise AssertionError("SIGTERM is not handled")


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_ends_it_without_a_traceback(picture_model, number, delay_s):
    with _running(picture_model, "--source", "test:", "--json", "--headless") as process:
        _await_handlers(process)
        time.sleep(delay_s)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    # 0 where the stream had begun, whose good end a signal is.
    assert process.returncode in (0, 128 + number), errors
    assert "Traceback" not in errors


def test_nothing_is_said_of_the_model_when_the_source_or_the_address_is_wrong(picture_model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, code in (
            (["--source", "test:?fps=1e-300"], 2),
            (["--source", "missing.mp4"], 1),
            (["--source", "test:", "--web", "a..b:8080"], 2),
            (["--source", "test:", "--web", "nowhere"], 2),
            (["--source", "test:", "--web", f"127.0.0.1:{port}"], 1),
            (["--source", "test:", "--record", "out.avi"], 2),
        ):
            done = _live(picture_model, *arguments)
            assert done.returncode == code, done.stderr
            assert done.stderr.startswith("error: ")
            assert "brightness" not in done.stderr


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("missing.mp4", "no such source: missing.mp4"),
        ("missing/", "no such source: missing/"),
        ("213", "no camera 213"),
        ("http://bob:geheim@127.0.0.1:9/x", "http://***@127.0.0.1:9/x cannot be opened"),
        ("empty", "no pictures in"),
        ("killed.mp4", "killed.mp4 is not a readable video"),
    ],
)
def test_a_source_that_is_not_there_is_one_line(picture_model, tmp_path, monkeypatch, source, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "killed.mp4").write_bytes(b"\0\0\0\x20ftypisom" + b"\0" * 4000)
    record = tmp_path / "out.mkv"
    done = _live(picture_model, "--source", source, "--json", "--headless", "--record", record)
    assert says in _one_error_line(done)
    assert "geheim" not in done.stderr
    assert not record.exists()


def test_a_model_that_cannot_be_used_is_one_line(picture_model, tmp_path):
    truncated = tmp_path / "cut.onnx"
    truncated.write_bytes(picture_model.read_bytes()[:200])
    foreign = tmp_path / "foreign.onnx"
    model = onnx.load(picture_model)
    kept = [p for p in model.metadata_props if p.key != contract.CONTRACT_KEY]
    del model.metadata_props[:]
    onnx.save(model, foreign)
    assert kept
    for path, says in (
        (truncated, "not a readable ONNX model"),
        (foreign, "no edgecnn metadata"),
        (tmp_path / "none.onnx", "no such model"),
    ):
        assert says in _one_error_line(_live(path, "--source", "test:"))


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has CUDA in it",
)
def test_cuda_that_cannot_start_exits_1_with_cause_and_cure(picture_model):
    done = _live(picture_model, "--source", "test:", "--provider", "cuda")
    assert "built without cuda" in _one_error_line(done)
    assert "edgecnn[gpu]" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--source", "test:?speed=1"],
        ["--source", "test:?fps=1e-300"],
        ["--source", "test:", "--web", "a..b:8080"],
        ["--source", "foo:bar"],
        ["--source", "test:", "--provider", "quantum"],
        ["--source", "test:", "--record", "out.avi"],
        ["--source", "test:", "--web", "nowhere"],
        ["--source", "test:", "--frames", "0"],
        ["--source", "test:", "--sink", "nothing"],
        ["--source", "test:", "--tls"],
        ["--source", "browser:"],
        ["--source", "test:", "--web", "0", "--tls-key", "key.pem"],
        [],
    ],
)
def test_wrong_usage_exits_2(picture_model, arguments):
    done = _live(picture_model, *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_page_is_served_while_it_runs_and_the_port_must_be_free(picture_model):
    with _running(
        picture_model, "--source", "test:", "--headless", "--web", "127.0.0.1:0"
    ) as process:
        url = None
        while url is None:
            line = process.stderr.readline()
            assert line
            if found := re.search(r"page: (http://127\.0\.0\.1:(\d+)/)", line):
                url, port = found[1], found[2]
        with urllib.request.urlopen(url, timeout=5) as page:
            assert b"<title>edgecnn live</title>" in page.read()
        taken = _live(
            picture_model, "--source", "test:", "--headless", "--web", f"127.0.0.1:{port}"
        )
        assert f"127.0.0.1:{port} is in use" in _one_error_line(taken)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert time.monotonic() - started < 6


def test_metrics_are_served_with_the_page_and_without(picture_model):
    with _running(
        picture_model, "--source", "test:", "--headless", "--json",
        "--web", "127.0.0.1:0", "--metrics", "127.0.0.1:0",
    ) as process:  # fmt: skip
        process.stdout.readline()
        said = "".join(process.stderr.readline() for _ in range(2))
        page = re.search(r"page: (http://127\.0\.0\.1:\d+/)", said)[1]
        metrics = re.search(r"metrics: (http://127\.0\.0\.1:\d+/metrics)", said)[1]
        for url in (metrics, f"{page}metrics"):
            with urllib.request.urlopen(url, timeout=5) as response:
                assert b'edgecnn_frames_total{class="captured"}' in response.read()
        for probe in ("healthz", "readyz"):
            with urllib.request.urlopen(page + probe, timeout=5) as response:
                assert response.read() == b"ok\n"


def test_over_https_the_fingerprint_is_told(picture_model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    arguments = ("--source", "test:", "--headless", "--web", "0.0.0.0:0", "--tls", "--json")
    with _running(picture_model, *arguments) as process:
        said = process.stderr.readline() + process.stderr.readline()
        url = re.search(r"page: https://[^:]+:(\d+)/\?token=(\S+)\n", said)
        pem = (tmp_path / "edgecnn" / "tls" / "own.pem").read_text()
        der = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :])
        fingerprint = re.search(r"SHA-256 ([0-9A-F:]+)", said)[1]
        assert hashlib.sha256(der).hexdigest().upper() == fingerprint.replace(":", "")
        request = urllib.request.Request(
            f"https://127.0.0.1:{url[1]}/about.json", headers={"Authorization": f"Bearer {url[2]}"}
        )
        trusting = ssl.create_default_context(cadata=der)
        with urllib.request.urlopen(request, timeout=10, context=trusting) as response:
            assert json.loads(response.read())["model"] == "brightness"


def test_a_foreign_detector_runs_live_and_its_boxes_are_drawn(foreign_detector, tmp_path):
    for number in range(3):
        picture = np.full((400, 400, 3), 240, np.uint8)
        picture[300:] = 200
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    model, contract = foreign_detector
    record = tmp_path / "out.mkv"
    source = ("--source", tmp_path / "*.png")
    done = _live(model, "--metadata", contract, *source, "--headless", "--json", "--record", record)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows[-1]["summary"]["processed"] == 3
    assert [len(row["boxes"]) for row in rows[:-1]] == [1, 1, 1]
    assert rows[0]["boxes"][0][:5] == [0, 0, 200, 200, "dog"]
    capture = cv2.VideoCapture(str(record))
    there, frame = capture.read()
    assert there
    # The box's lower edge is drawn on the grey ground, and beyond it is none.
    assert np.abs(frame[196:202, 100:150].astype(int) - 240).max() > 60
    assert np.abs(frame[230:300, 230:300].astype(int) - 240).max() < 12


def test_a_missed_promise_is_exit_code_1_after_the_summary(picture_model):
    source = ("--source", "test:?frames=30&fps=60", "--headless", "--json")
    done = _live(picture_model, *source, "--slo", "p95=0.001ms", "--slo", "fps>=1")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "missed: p95 " in errors[0]
    assert "fps" not in errors[0]
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["captured"] == 30
    assert _live(picture_model, *source, "--slo", "p95=60s").returncode == 0


def test_only_changes_are_printed(picture_model):
    source = ("--source", "fault:black=1s?every=1&fps=20&pace=free&frames=80", "--headless")
    done = _live(picture_model, *source, "--json", "--on-change", "--smooth", "majority=3")
    assert done.returncode == 0, done.stderr
    rows, summary = _rows(done.stdout)
    assert [row["label"] for row in rows] == ["unknown", "dark", "unknown", "dark", "unknown"]
    assert summary["processed"] == 80
    assert _live(picture_model, *source, "--smooth", "median=3").returncode == 2


def test_maps_are_drawn_over_the_picture_or_refused_at_once(tmp_path):
    source = ("--source", "test:?frames=5&pace=free&size=320x240", "--headless", "--explain")
    record = tmp_path / "out.mkv"
    done = _live("bundled:cifar10-resnet", *source, "1", "--record", record)
    assert done.returncode == 0, done.stderr
    there, picture = cv2.VideoCapture(str(record)).read()
    # The camera and the overlay's texts are grey.
    middle = picture[60:200, 140:].astype(int)
    assert there
    assert np.abs(middle[..., 2] - middle[..., 0]).max() > 60
    refused = _live("bundled:mnist-lenet5", *source)
    assert "has no class-activation map" in _one_error_line(refused)
