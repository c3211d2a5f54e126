"""Leads by name, at any rate, and where the signal has gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg.fragments import condition_leads, whole_fragments
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError
from edgecnn.metadata import SignalInput

SPEC = SignalInput(sampling_rate_hz=100, leads=("II", "V1"), samples=500)


def record(leads: tuple[str, ...], signal: np.ndarray, rate_hz: float = 100) -> Record:
    return Record("a", Path("a.csv"), rate_hz, leads, signal)


def test_leads_come_in_the_models_order_by_name_or_alias() -> None:
    signal = np.stack([np.full(600, 1.0), np.full(600, 2.0), np.full(600, 3.0)], axis=1)
    leads = condition_leads(record(("V1", "V2", "MLII"), signal), SPEC)
    assert leads.names == ("MLII", "V1")
    assert leads.signal_uv[:, 0].tolist() == [3000, 1000]


def test_another_rate_is_brought_to_the_models() -> None:
    time = np.arange(6 * 250) / 250
    signal = np.stack([np.sin(2 * np.pi * 3 * time)] * 2, axis=1)
    leads = condition_leads(record(("II", "V1"), signal, 250), SPEC)
    assert leads.signal_uv.shape == (2, 600)
    expected = 1000 * np.sin(2 * np.pi * 3 * np.arange(600) / 100)
    assert np.abs(leads.signal_uv[0, 50:-50] - expected[50:-50]).max() < 10
    assert "brought from 250 to 100 Hz" in leads.notes


def test_a_gap_in_any_lead_makes_its_fragment_blind() -> None:
    signal = np.random.default_rng(0).normal(size=(1500, 2))
    signal[600:700, 1] = np.nan
    leads = condition_leads(record(("II", "V1"), signal), SPEC)
    starts = whole_fragments(1500, SPEC)
    assert starts.tolist() == [0, 500, 1000]
    assert leads.blind(starts, SPEC.samples).tolist() == [False, True, False]


def test_only_whole_fragments_count() -> None:
    assert whole_fragments(499, SPEC).tolist() == []
    assert whole_fragments(999, SPEC).tolist() == [0]


def test_a_lead_that_is_not_there_is_named() -> None:
    with pytest.raises(RecordError, match="V1"):
        condition_leads(record(("II", "V2"), np.ones((600, 2))), SPEC)
    dead = np.full((600, 2), np.nan)
    dead[:, 0] = 1
    with pytest.raises(RecordError, match=r"a\.csv.*V1.*no valid sample"):
        condition_leads(record(("II", "V1"), dead), SPEC)
