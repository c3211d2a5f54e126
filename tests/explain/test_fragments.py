"""Fragments of a signal, explained by a network whose reasons are known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from edgecnn.ecg.readers import read_record
from edgecnn.errors import RecordError, UsageError
from edgecnn.explain.explain import explain_model
from edgecnn.explain.fragments import explain_fragment
from edgecnn.export.exporter import export_model
from edgecnn.metadata import ModelMetadata, Output, SignalInput
from edgecnn.runtime.session import Model, load_model

SPEC = SignalInput(sampling_rate_hz=100, leads=("II", "V1"), samples=400, normalisation="none")
#: Where, in the second lead, the network finds its first class.
SEEN = slice(150, 210)


class _Spike(torch.nn.Module):
    """Sees how much there is in one stretch of one lead, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        weights = torch.zeros(3, 2, 400)
        weights[0, 1, SEEN] = 0.2
        self.dense = torch.nn.Linear(800, 3, bias=False)
        self.dense.weight.data = weights.reshape(3, 800)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        return self.dense(signal.abs().flatten(1))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("spike") / "spike.onnx"
    metadata = ModelMetadata(
        name="spike", task="classify", labels=("A", "B", "C"), input=SPEC, output=Output()
    )
    export_model(_Spike().eval(), metadata, {"signal": np.ones((2, 2, 400), np.float32)}, path)
    return load_model(path, provider="cpu", threads=1)


def recording(folder: Path, *, gap: slice | None = None) -> Path:
    """Write 12 s of two leads: a wave that comes twice a second, the second lead larger."""
    times = np.arange(1200) / 100
    wave = np.maximum(0, np.sin(2 * np.pi * 2 * times)) ** 3
    signal = np.stack([wave, 2 * wave], axis=1)
    if gap is not None:
        signal[gap] = np.nan
    rows = "\n".join(f"{one:.4f},{other:.4f}" for one, other in signal)
    (folder / "r.csv").write_text(f"# Sampling rate = 100\nII,V1\n{rows}\n")
    return folder / "r.csv"


def test_the_evidence_lies_where_the_network_looks(model: Model, tmp_path: Path) -> None:
    record = read_record(recording(tmp_path))
    found = explain_fragment(record, model)
    assert (found.answer.label, found.start_s, found.leads) == ("A", 0.0, ("II", "V1"))
    assert found.evidence.shape == (3, 2, 400)
    for_a = found.evidence[0]
    # 160 ms are erased at a time: a stretch that only touches the window counts as well.
    inside = np.zeros(400, dtype=bool)
    inside[SEEN.start - 16 : SEEN.stop + 16] = True
    assert np.abs(for_a[0]).max() < 1e-6
    assert np.abs(for_a[1][~inside]).max() < 1e-6
    assert for_a[1][SEEN].max() > 0.5
    # What speaks for one of three speaks against the two others, half as much each.
    assert np.allclose(found.evidence[1], -for_a / 2, atol=1e-5)


@pytest.mark.parametrize(("at_s", "start_s"), [(0.5, 0.0), (6.0, 4.0), (100.0, 8.0)])
def test_a_time_is_the_middle_of_the_fragment(
    model: Model, tmp_path: Path, at_s: float, start_s: float
) -> None:
    record = read_record(recording(tmp_path))
    assert explain_fragment(record, model, at_s=at_s).start_s == start_s


def test_a_fragment_with_a_gap_is_passed_over_and_refused_when_asked_for(
    model: Model, tmp_path: Path
) -> None:
    record = read_record(recording(tmp_path, gap=slice(100, 150)))
    assert explain_fragment(record, model).start_s == 4.0
    with pytest.raises(RecordError, match="around 1 s has a gap"):
        explain_fragment(record, model, at_s=1)


def test_the_sheets_are_drawn(model: Model, tmp_path: Path) -> None:
    found = explain_model(model, recording(tmp_path), tmp_path / "out", at_s=5)
    assert (found.label, found.method) == ("A", "erasing")
    sheet = cv2.imread(str(tmp_path / "out" / "evidence.png"))
    assert sheet is not None
    red = (sheet[..., 2].astype(int) - sheet[..., 0] > 40).any(axis=0)
    columns = np.flatnonzero(red[110:1550]) + 110
    # From 3/8 to a little beyond half of the strip's width.
    assert 580 < columns.min() < columns.max() < 960
    with pytest.raises(UsageError, match="2 leads at once"):
        explain_model(model, recording(tmp_path), tmp_path / "no", lead="II")
    assert not (tmp_path / "no").exists()
