"""Twelve leads, several findings at once: the residual network learns ten real records by heart.

Ten records are no training set: this shows that contract, preprocessing, network, export and
``predict`` fit together, and nothing about how well anything is recognised.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgecnn.ecg.fragments import condition_leads
from edgecnn.ecg.predict_records import predict_records
from edgecnn.ecg.readers import read_record
from edgecnn.export.exporter import export_model
from edgecnn.metadata import ModelMetadata, Output, SignalInput
from edgecnn.models import create_model
from edgecnn.preprocessing.fragments import fragment_inputs
from edgecnn.runtime.session import load_model

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
SPEC = SignalInput(sampling_rate_hz=100, leads=LEADS, samples=1000)


def findings(header: Path) -> set[str]:
    """Return the SNOMED codes of a challenge record."""
    line = next(line for line in header.read_text().splitlines() if line.startswith("# Dx:"))
    return set(line.partition(":")[2].strip().split(","))


@pytest.mark.data
def test_ten_records_learnt_by_heart_are_predicted_from_their_files(
    data_root: Path, tmp_path: Path
) -> None:
    headers = sorted((data_root / "ecg-extra" / "cinc2021-georgia").glob("*.hea"))
    truth = {header.stem: findings(header) for header in headers}
    labels = tuple(sorted(set().union(*truth.values())))
    signals = [condition_leads(read_record(header), SPEC).signal_uv for header in headers]
    parts = [fragment_inputs(signal, np.array([0]), SPEC)["signal"] for signal in signals]
    inputs = torch.from_numpy(np.concatenate(parts))
    targets = torch.tensor([[float(x in truth[h.stem]) for x in labels] for h in headers])

    torch.manual_seed(0)
    network = create_model("ecg-resnet", classes=len(labels), width=0.25, blocks=[1, 1], dropout=0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(60):
        loss = functional.binary_cross_entropy_with_logits(network(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    thresholds = tuple(0.5 for _ in labels)
    metadata = ModelMetadata(
        name="twelve",
        task="classify",
        labels=labels,
        input=SPEC,
        output=Output(activation="sigmoid", thresholds=thresholds),
    )
    path = tmp_path / "twelve.onnx"
    export_model(network.eval(), metadata, {"signal": inputs.numpy()}, path)
    model = load_model(path, provider="cpu", threads=1)
    rows = [prediction.row() for prediction in predict_records(model, headers)]
    assert [Path(row["input"]).stem for row in rows] == list(truth)
    found = {Path(row["input"]).stem: {label for label, _ in row["labels"]} for row in rows}
    # All of them are at 500 Hz, the network reads 100; some have several findings at once.
    assert max(map(len, truth.values())) > 1
    same = sum(found[name] == codes for name, codes in truth.items())
    assert same >= 8
