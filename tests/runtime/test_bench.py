"""Measured figures are of the right kind, size and configuration."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edgecnn.errors import MissingFileError, ModelError, NotAModelError, ProviderError, UsageError
from edgecnn.runtime.bench import bench_model
from edgecnn.runtime.bench_inputs import bench_inputs
from edgecnn.runtime.bench_process import (
    BenchProcess,
    Configuration,
    _signals_later,
)
from edgecnn.runtime.machine import available_memory_bytes


def model_of(path: Path, shape: list[int | str], kind: int = TensorProto.FLOAT) -> Path:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", kind, shape)],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def work(path: Path, size: int) -> Path:
    """A model that multiplies by a square matrix ``size`` wide."""
    weights = np.zeros((size, size), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "work",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", size])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", size])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def test_every_combination_is_measured(picture_model: Path) -> None:
    done: list[int] = []
    report = bench_model(
        picture_model, threads=(1, 2), batches=(1, 4), seconds=0.2, rounds=2, on_round=done.append
    )
    assert [(row.threads, row.batch) for row in report.rows] == [(1, 1), (1, 4), (2, 1), (2, 4)]
    assert done == list(range(1, 9))
    assert report.onnxruntime == onnxruntime.__version__
    assert report.machine.cpus >= 1
    for row in report.rows:
        assert row.provider == "cpu"
        nodes, total = map(int, row.nodes_on_provider.split("/"))
        assert nodes == total > 0
        assert 0 < row.latency_ms["p50"] <= row.latency_ms["p95"]
        assert row.calls >= 2
        assert row.open_ms > 0
        assert row.warm_up_ms > 0
        # Calls fill the time that was asked for; a machine that is held up takes longer for them.
        at_most = row.batch * row.calls / 0.2
        assert 0.02 * at_most < row.throughput_per_s < 1.05 * at_most


def test_peak_memory_is_each_configurations_own(tmp_path: Path) -> None:
    """The large batch, measured first, must not show in the small one's figure."""
    path = work(tmp_path / "work.onnx", 256)
    large, small = bench_model(path, batches=(50_000, 1), seconds=0.2, rounds=1).rows
    # In and out: 50,000 x 256 float32 each.
    assert large.peak_rss_bytes - small.peak_rss_bytes > 90e6


def test_more_work_takes_longer(tmp_path: Path) -> None:
    path = work(tmp_path / "work.onnx", 512)
    one, many = bench_model(path, threads=(1,), batches=(1, 512), seconds=0.3, rounds=3).rows
    assert many.latency_ms["p50"] > 5 * one.latency_ms["p50"]


def test_a_fixed_batch_is_said(tmp_path: Path) -> None:
    path = model_of(tmp_path / "fixed.onnx", [2, 3])
    assert bench_model(path, batches=(2,), seconds=0.05, rounds=1).rows[0].batch == 2
    with pytest.raises(ModelError, match="made for batches of 2, not 1") as caught:
        bench_model(path, seconds=0.05, rounds=1)
    assert "--batch 2" in (caught.value.hint or "")


def test_open_axes_come_from_the_contract_or_are_said(tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(model_of(tmp_path / "open.onnx", ["N", 1, "H", "W"]))
    inputs = bench_inputs(session, 3, {"x": (1, 28, 30)}, "open.onnx")
    assert inputs["x"].shape == (3, 1, 28, 30)
    with pytest.raises(ModelError, match="input x has axes of no known length"):
        bench_inputs(session, 3, {}, "open.onnx")


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (TensorProto.FLOAT16, np.float16),
        (TensorProto.INT64, np.int64),
        (TensorProto.BOOL, np.bool_),
    ],
)
def test_input_types(kind: int, dtype: type, tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(model_of(tmp_path / "x.onnx", ["N", 4], kind))
    inputs = bench_inputs(session, 2, {}, "x.onnx")
    assert inputs["x"].dtype == dtype
    session.run(None, inputs)


def test_text_input_is_refused(tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(
        model_of(tmp_path / "x.onnx", ["N", 4], TensorProto.STRING)
    )
    with pytest.raises(ModelError, match="not numbers"):
        bench_inputs(session, 2, {}, "x.onnx")


def test_errors_come_from_the_process_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        bench_model(tmp_path / "none.onnx", seconds=0.05)
    (tmp_path / "x.onnx").write_bytes(b"hello")
    with pytest.raises(NotAModelError) as caught:
        bench_model(tmp_path / "x.onnx", seconds=0.05)
    assert caught.value.hint


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA is here"
)
def test_absent_provider(picture_model: Path) -> None:
    with pytest.raises(ProviderError, match="built without cuda"):
        bench_model(picture_model, providers=("cpu", "cuda"), seconds=0.05)


@pytest.mark.parametrize("batch", [10**12, 10**30])
def test_inputs_that_do_not_fit_are_not_even_made(batch: int, picture_model: Path) -> None:
    with pytest.raises(ModelError, match="GB of memory are free") as caught:
        bench_model(picture_model, batches=(batch,), seconds=0.05, rounds=1)
    assert "smaller --batch" in (caught.value.hint or "")


def test_a_network_that_grows_beyond_memory_is_stopped(tmp_path: Path) -> None:
    """The inputs fit, what the network makes of them does not."""
    row = np.ones((1, 2**16), np.float32)
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "row"], ["y"])],
        "grow",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2**16])],
        [onnx.numpy_helper.from_array(row, "row")],
    )
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "grow.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    batch = 2 * (available_memory_bytes() or 2**40) // (4 * 2**16)
    with pytest.raises(ModelError, match="needs more memory than is free") as caught:
        bench_model(path, batches=(batch,), seconds=0.05, rounds=1)
    assert "smaller --batch" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0.0},
        {"seconds": math.inf},
        {"seconds": math.nan},
        {"rounds": 0},
        {"batches": (0,)},
        {"threads": (0,)},
        {"threads": (1, 100_000)},
        {"threads": (10**30,)},
    ],
)
def test_wrong_usage(wrong: dict, picture_model: Path) -> None:
    with pytest.raises(UsageError):
        bench_model(picture_model, **wrong)


def test_a_measuring_process_does_not_hear_ctrl_c(picture_model: Path) -> None:
    """A terminal sends it to the whole group; the process that asks answers for all."""
    process = BenchProcess(Configuration(picture_model, "cpu", threads=1, batch=1))
    try:
        pid = process._process.pid
        assert pid is not None
        os.kill(pid, signal.SIGINT)
        assert process.run(0.01)
    finally:
        process.stop()


def test_signals_are_kept_back() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        with _signals_later():
            signal.raise_signal(signal.SIGTERM)
            assert not came
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
