"""A live signal in sliding windows says what the fragments of the finished recording say."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edgecnn.ecg.live_fragments import FragmentProcessor, open_live_fragments
from edgecnn.ecg.predict_records import predict_records
from edgecnn.ecg.readers.csv import write_csv
from edgecnn.ecg.rhythm import RhythmWatch
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import TaskError
from edgecnn.export.exporter import export_model
from edgecnn.metadata import BoxcarFilter, ModelMetadata, Output, SignalInput
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.live import run_live
from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.session import Model, load_model

RATE = 250.0


class _Energy(torch.nn.Module):
    """Two classes by how much a filtered, normalised fragment moves: any change shows."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = torch.nn.Parameter(torch.randn(500, 2, generator=generator) / 20)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        return signal.flatten(1) @ self.weights


def exported(folder: Path, leads: tuple[str, ...]) -> Model:
    spec = SignalInput(
        sampling_rate_hz=100,
        leads=leads,
        samples=500 // len(leads),
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    )
    metadata = ModelMetadata(
        name="windows", task="classify", labels=("A", "B"), input=spec, output=Output()
    )
    inputs = {"signal": np.random.default_rng(0).normal(size=(4, *spec.shape)).astype(np.float32)}
    path = folder / "windows.onnx"
    export_model(_Energy().eval(), metadata, inputs, path)
    return load_model(path, provider="cpu", threads=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return exported(tmp_path_factory.mktemp("windows"), ("II",))


def test_windows_are_the_fragments_of_the_recording(model: Model, tmp_path: Path) -> None:
    """At another rate, with a gap, in chunks of a tenth of a second."""
    signal = synthetic_ecg(31.3, RATE, seed=5).signal_mv
    signal[2600:2700] = np.nan
    write_csv(tmp_path / "r.csv", signal, rate_hz=RATE, lead="II")
    out = io.StringIO()
    opened = open_live_fragments(model, f"record:{tmp_path / 'r.csv'}?pace=free")
    run_live(*opened, outputs=Outputs(as_json=True), out=out)
    *rows, _ = map(json.loads, out.getvalue().splitlines())
    assert (rows[0]["state"], rows[0]["reason"]) == ("unknown", "the first 5 s are not complete")
    new = {row["window"][0]: row for row in rows if row.get("is_new")}
    # One a second, and none is left out: 5 s of 31.3 s.
    assert sorted(new) == [float(second) for second in range(27)]
    fragments = list(predict_records(model, [tmp_path / "r.csv"]))
    assert len(fragments) == 6
    for fragment in fragments:
        row, live = fragment.row(), new[fragment.row()["start_s"]]
        assert (row["label"], row["end_s"]) == (live["label"] or "unknown", live["window"][1])
        assert row["score"] == pytest.approx(live["score"] or 0.0, abs=1e-6)
    assert new[10.0]["reason"] == "the signal has a gap"
    assert {row["label"] for row in new.values()} >= {"A", "B"}


def test_an_answer_holds_until_the_next_window(model: Model) -> None:
    processor = FragmentProcessor(model, step_s=2.0)
    signal = synthetic_ecg(12, 100, seed=1).signal_mv
    rows = [
        processor.process(Frame("s", number, 0, signal[first : first + 10])).fields
        for number, first in enumerate(range(0, 1200, 10))
    ]
    starts = [row["window"][0] for row in rows if "window" in row]
    assert sorted(set(starts)) == [0.0, 2.0, 4.0, 6.0]
    assert [row["window"][0] for row in rows if row.get("is_new")] == [0.0, 2.0, 4.0, 6.0]
    assert len(starts) > 60


def test_noise_is_no_rhythm(model: Model, tmp_path: Path) -> None:
    """In a live window, in a fragment of a recording, and along a scored record."""
    rng = np.random.default_rng(3)
    rate = 100.0
    beats = synthetic_ecg(20, rate, seed=5).signal_mv
    signal = np.concatenate([beats, rng.normal(0, 1.5, 1000), beats])
    write_csv(tmp_path / "r.csv", signal, rate_hz=rate, lead="II")
    fragments = [fragment.row() for fragment in predict_records(model, [tmp_path / "r.csv"])]
    noisy = [row["start_s"] for row in fragments if row.get("reason") == "the signal is noise"]
    assert noisy == [20.0, 25.0]
    processor = FragmentProcessor(model)
    live = [
        processor.process(Frame("s", number, 0, signal[first : first + 10]))
        for number, first in enumerate(range(0, len(signal), 10))
    ]
    causes = {r.fields["window"][0]: r.cause for r in live if "window" in r.fields}
    assert [start for start in (10.0, 15.0, 20.0, 25.0, 30.0) if causes[start]] == noisy
    assert causes[20.0] == "noise"
    assert live[-1].fields["signal"]["state"] == "good"
    watch = RhythmWatch(model, rate)
    watch.push(signal[:, None])
    (between,) = [e for e in watch.finish(len(signal)) if e.label == "unknown"]
    assert (between.start / rate, between.stop / rate) == (20.0, 30.0)


def test_an_answer_that_is_no_number_is_told_everywhere(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Model, "run", lambda self, inputs: np.full((1, 2), np.nan, dtype=np.float32)
    )
    signal = synthetic_ecg(10, RATE, seed=5).signal_mv
    write_csv(tmp_path / "r.csv", signal, rate_hz=RATE, lead="II")
    told = "the network gave a value that is no number"
    rows = [fragment.row() for fragment in predict_records(model, [tmp_path / "r.csv"])]
    assert [row["reason"] for row in rows] == [told, told]
    processor = FragmentProcessor(model)
    result = processor.process(Frame("s", 0, 0, signal))
    assert (result.label, result.reason, result.cause) == ("unknown", told, "not-finite")
    watch = RhythmWatch(model, RATE)
    watch.push(signal[:, None])
    assert {episode.label for episode in watch.finish(len(signal))} == {"unknown"}


def test_several_leads_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="2 leads at once"):
        open_live_fragments(exported(tmp_path, ("I", "II")), "test:")
