"""Recordings in, an answer per fragment out: leads by name, any rate, several findings at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgecnn import metadata as contract
from edgecnn.ecg.predict_records import predict_records
from edgecnn.errors import MetadataError, TaskError
from edgecnn.runtime.session import Model, load_model

LABELS = ("high II", "high V1", "never")


def write_model(path: Path, output: contract.Output, *, told: bool = True) -> Path:
    """Write a network by rule: each lead's mean above half a millivolt is a finding of its own."""
    spec = contract.SignalInput(
        sampling_rate_hz=100, leads=("II", "V1"), samples=500, normalisation="none"
    )
    described = contract.ModelMetadata(
        name="levels", task="classify", labels=LABELS, input=spec, output=output
    )
    weights = {
        "axis": np.array([2]),
        "w": np.array([[20, 0, 0], [0, 20, 0]], dtype=np.float32),
        "b": np.array([-10, -10, -9], dtype=np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["signal", "axis"], ["mean"], keepdims=0),
            helper.make_node("Gemm", ["mean", "w", "b"], ["logits"]),
        ],
        "levels",
        [helper.make_tensor_value_info("signal", TensorProto.FLOAT, ["N", 2, 500])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    if told:
        helper.set_model_props(model, {contract.CONTRACT_KEY: contract.encode(described)})
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def multilabel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = contract.Output(activation="sigmoid", thresholds=(0.5, 0.9, 0.5))
    return write_model(tmp_path_factory.mktemp("model") / "levels.onnx", output)


def load(path: Path) -> Model:
    return load_model(path, provider="cpu", threads=1)


def write_csv(path: Path, levels: list[tuple[float, float]], *, rate: int = 250) -> Path:
    """Write a lead V1 and a lead II at levels of five seconds each, with some wander."""
    wander = [0.005 if n // 25 % 2 else -0.005 for n in range(5 * rate)]
    rows = [f"{v1 + n},{ii + n}" for ii, v1 in levels for n in wander]
    path.write_text("\n".join(["V1,II", *rows]) + "\n")
    return path


def test_all_labels_that_reach_their_thresholds_are_the_answer(
    multilabel: Path, tmp_path: Path
) -> None:
    levels = [(1.0, 1.0), (0.0, 1.0), (1.0, 0.55), (0.0, 0.0)]
    write_csv(tmp_path / "a.csv", levels)
    found = list(predict_records(load(multilabel), [tmp_path], rate_hz=250))
    rows = [prediction.row() for prediction in found]
    assert [[label for label, _ in row["labels"]] for row in rows] == [
        ["high II", "high V1"],
        ["high V1"],
        # 0.55 mV of V1 scores 0.73, below its threshold of 0.9.
        ["high II"],
        [],
    ]
    assert [row["label"] for row in rows] == ["high II", "high V1", "high II", "unknown"]
    assert [(row["start_s"], row["end_s"]) for row in rows] == [(0, 5), (5, 10), (10, 15), (15, 20)]
    assert rows[3]["reason"] == "no label is sure enough"
    assert all(row["input"] == str(tmp_path / "a.csv") for row in rows)


def test_without_thresholds_an_example_has_one_label(tmp_path: Path) -> None:
    model = load(write_model(tmp_path / "m.onnx", contract.Output()))
    write_csv(tmp_path / "a.csv", [(1.0, 1.2)])
    (prediction,) = predict_records(model, [tmp_path / "a.csv"], rate_hz=250)
    row = prediction.row()
    assert row["label"] == "high V1"
    assert "labels" not in row


def test_a_fragment_with_a_gap_or_without_movement_has_no_answer(
    multilabel: Path, tmp_path: Path
) -> None:
    signal = np.ones((3750, 2))
    signal[np.arange(3750) // 25 % 2 == 0] += 0.01
    signal[1300:1400, 1] = np.nan
    signal[2450:, 0] = 1.0
    text = "\n".join(["V1,II", *(f"{a},{'' if np.isnan(b) else b}" for a, b in signal)])
    (tmp_path / "a.csv").write_text(text + "\n")
    first, second, third = predict_records(load(multilabel), [tmp_path / "a.csv"], rate_hz=250)
    assert first.row()["label"] == "high II"
    assert second.row()["reason"] == "the signal has a gap"
    assert third.row()["reason"] == "the signal is flat"


def test_what_cannot_be_answered_is_told_and_the_others_follow(
    multilabel: Path, tmp_path: Path
) -> None:
    write_csv(tmp_path / "good.csv", [(1.0, 0.0)])
    (tmp_path / "leads.csv").write_text("V2,II\n" + "1,1\n" * 1250)
    (tmp_path / "short.csv").write_text("V1,II\n" + "1,1\n" * 1000)
    found = list(predict_records(load(multilabel), [tmp_path], rate_hz=250))
    errors = {Path(p.input).name: p.error.message for p in found if p.error is not None}
    assert set(errors) == {"leads.csv", "short.csv"}
    assert "V1" in errors["leads.csv"]
    assert "lasts 4 s: the model reads fragments of 5 s" in errors["short.csv"]
    assert [Path(p.input).name for p in found if p.error is None] == ["good.csv"]


def test_models_of_pictures_are_refused(picture_model: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="reads pictures, not fragments of signals"):
        predict_records(load(picture_model), [tmp_path])


def test_a_users_own_model_by_a_handwritten_contract(tmp_path: Path) -> None:
    """As a person runs it: a foreign file, a TOML contract, recordings at a rate of their own."""
    model = write_model(tmp_path / "own.onnx", contract.Output(), told=False)
    (tmp_path / "own.toml").write_text(
        'name = "own"\ntask = "classify"\nlabels = ["high II", "high V1", "never"]\n'
        '[input]\nkind = "signal"\nsampling_rate_hz = 100.0\nleads = ["II", "V1"]\nsamples = 500\n'
        'normalisation = "none"\n'
        '[output]\nactivation = "sigmoid"\nthresholds = [0.5, 0.9, 0.5]\n'
    )
    write_csv(tmp_path / "a.csv", [(1.0, 1.0), (0.0, 0.0)], rate=500)
    command = [sys.executable, "-m", "edgecnn", "predict", str(model), str(tmp_path / "a.csv")]
    command += ["--metadata", str(tmp_path / "own.toml"), "--rate", "500"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.endswith("a.csv 0 to 5 s: high II 100.0 %, high V1 100.0 %")
    assert second.endswith("a.csv 5 to 10 s: nothing reaches its threshold")
    lines = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, timeout=240, check=False
    ).stdout.splitlines()
    assert json.loads(lines[0])["labels"][1][0] == "high V1"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"activation": "sigmoid", "thresholds": [0.5]}, "one for each label"),
        ({"activation": "softmax", "thresholds": [0.5, 0.5]}, "softmax picks one"),
    ],
)
def test_thresholds_that_fit_nothing_are_refused(output: dict[str, object], said: str) -> None:
    raw = {
        "name": "x",
        "task": "classify",
        "labels": ["a", "b"],
        "input": {"kind": "signal", "sampling_rate_hz": 100, "leads": ["II"], "samples": 500},
        "output": output,
    }
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert(raw, contract.ModelMetadata)


def test_a_contract_with_too_few_thresholds_says_how_many(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(
        'labels = ["a", "b", "c"]\n[input]\nkind = "signal"\nsampling_rate_hz = 100.0\n'
        'leads = ["II"]\nsamples = 1000\n[output]\nactivation = "sigmoid"\nthresholds = [0.5]\n'
    )
    with pytest.raises(MetadataError, match=r"1 output\.thresholds for 3 labels"):
        contract.read_contract(path)
