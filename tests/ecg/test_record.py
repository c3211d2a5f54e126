from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError


def record(signal=None, rate=250.0, leads=("V5", "II")):
    signal = np.arange(1000.0).reshape(500, 2) if signal is None else signal
    return Record("r", Path("r.csv"), rate, leads, signal)


def test_a_lead_is_selected_by_name_or_alias():
    chosen = record().select("MLII")
    assert chosen.leads == ("II",)
    assert chosen.signal_mv.shape == (500, 1)
    assert record().lead_mv("II")[:2].tolist() == [1.0, 3.0]
    assert record().duration_s == 2.0


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_sampling_rate_is_refused(rate):
    with pytest.raises(RecordError, match="sampling rate"):
        record(rate=rate)


@pytest.mark.parametrize(
    ("signal", "what"),
    [(np.zeros((0, 2)), "no samples"), (np.zeros((5, 3)), "2 lead names"), (np.zeros(5), "2 lead")],
)
def test_a_signal_that_does_not_fit_its_names_is_refused(signal, what):
    with pytest.raises(RecordError, match=what):
        record(signal=signal)


def test_a_lead_without_one_valid_sample_is_refused():
    signal = np.zeros((100, 2))
    signal[:, 1] = np.nan
    assert record(signal=signal).lead_mv("V5").size == 100
    with pytest.raises(RecordError, match="no valid sample"):
        record(signal=signal).lead_mv("II")
