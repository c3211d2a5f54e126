from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg import lead_signal
from edgecnn.ecg.lead_signal import LeadSignal
from edgecnn.ecg.readers.stored import StoredRecord

VALUES = np.arange(1000) / 100


@pytest.fixture
def stored():
    """A record that counts how many samples are fetched from it."""
    fetched = []

    def fetch(first, stop):
        fetched.append(stop - first)
        values = VALUES[first:stop, None].copy()
        values[values == 5.0] = 1e9
        return values

    record = StoredRecord("r", Path("r.edf"), 250.0, ("II",), len(VALUES), fetch)
    return record, fetched


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("chunk", [7, 300, 5000])
def test_pieces_and_stretches_are_those_of_the_file(stored, monkeypatch, kept, chunk):
    record, fetched = stored
    if not kept:
        monkeypatch.setattr(lead_signal, "_KEPT_SAMPLES", 10)
    signal = LeadSignal(record, chunk)
    assert len(signal) == 1000
    for _ in range(2):
        pieces = np.concatenate(list(signal.chunks()))
        assert pieces[500] == 1e9
        assert np.array_equal(np.delete(pieces, 500), np.delete(VALUES, 500))
    assert max(fetched) == min(chunk, 1000)
    # What no electrode gives is a gap.
    assert np.isnan(signal[500:501]).all()
    assert np.array_equal(signal[20:40], VALUES[20:40])
    assert np.array_equal(signal[990:2000], VALUES[990:])


def test_a_short_lead_is_read_once(stored):
    record, fetched = stored
    signal = LeadSignal(record, 300)
    for _ in signal.chunks():
        pass
    signal[100:200], signal[300:310]
    for _ in signal.chunks():
        pass
    assert sum(fetched) == 1000
