"""``edgecnn live`` that cannot do what it is asked: one line and a code."""

import socket

import onnx
import onnxruntime
import pytest

from edgecnn import metadata as contract
from tests.cli.running import live, one_error_line


def test_a_graph_of_kernels_without_cuda_is_refused(picture_model):
    asked = ("--source", "test:?frames=3", "--headless", "--cuda-graph")
    done = live(picture_model, *asked, "--provider", "cpu")
    assert done.returncode == 2
    assert "--cuda-graph is for CUDA" in done.stderr
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        done = live(picture_model, *asked)
        assert done.returncode == 1
        assert "--cuda-graph is for CUDA, and cpu runs this model" in done.stderr


def test_a_sink_of_ones_own_that_fails_ends_with_one_line(picture_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("class Bad:\n    def write(self, answer): 1 / 0\n")
    done = live(picture_model, "--source", "test:?fps=50", "--headless", "--sink", "bad:Bad")
    assert done.returncode == 1
    assert "sink bad:Bad: write failed: ZeroDivisionError" in done.stderr
    assert "(bad.py, line 2)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_picture_model_reads_no_ecg(picture_model):
    done = live(picture_model, "--source", "test:ecg")
    assert done.returncode == 2
    assert "unknown test camera: test:ecg" in done.stderr


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
            done = live(picture_model, *arguments)
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
    done = live(picture_model, "--source", source, "--json", "--headless", "--record", record)
    assert says in one_error_line(done)
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
        assert says in one_error_line(live(path, "--source", "test:"))


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has CUDA in it",
)
def test_cuda_that_cannot_start_exits_1_with_cause_and_cure(picture_model):
    done = live(picture_model, "--source", "test:", "--provider", "cuda")
    assert "built without cuda" in one_error_line(done)
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
    done = live(picture_model, *arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
