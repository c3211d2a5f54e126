from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.lead_signal import LeadSignal
from edgecnn.ecg.readers import open_record
from edgecnn.ecg.readers.stored import stored_of
from edgecnn.ecg.record import Record
from edgecnn.ecg.stored_beats import classify_stored
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.preprocessing.beats import beat_inputs
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.classify import scores as to_scores


@pytest.fixture(scope="module")
def model(beat_model):
    return load_model(beat_model, threads=1)


@cache
def record_of(rate_hz, seed=3, seconds=700):
    ecg = synthetic_ecg(seconds, rate_hz, seed=seed)
    signal = ecg.signal_mv.copy()
    # A gap, a short one, a spike that is no voltage, a flat stretch.
    signal[round(20 * rate_hz) : round(23.5 * rate_hz)] = np.nan
    signal[9000:9003] = np.nan
    signal[12_000] = 1e6
    signal[round(50 * rate_hz) : round(60 * rate_hz)] = 0.25
    return Record("r", Path("r.csv"), rate_hz, ("MLII",), signal[:, None], notes=("a note",)), ecg


def assert_same(one, other):
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            assert left.tobytes() == right.tobytes(), field.name
        else:
            assert left == right, field.name


@pytest.mark.parametrize("rate_hz", [360.0, 250.0, 500.0])
@pytest.mark.parametrize("given", [False, True], ids=["detected", "given"])
def test_however_long_the_pieces_are_the_result_is_the_same_bits(model, rate_hz, given):
    record, ecg = record_of(rate_hz)
    peaks = ecg.samples if given else None
    whole = classify_record(record, model, peaks=peaks)
    assert len(whole) > 750
    assert np.isnan(whole.scores).any()
    assert whole.gaps.tolist() == [[round(20 * rate_hz), round(23.5 * rate_hz)]]
    for chunk in (977, 1 << 12, 10**9):
        stored = stored_of(record)
        signal = LeadSignal(stored, chunk)
        cut = classify_stored(stored, model, wanted="MLII", peaks=peaks, signal=signal)
        assert_same(cut, whole)


def test_it_is_what_the_tensors_of_the_whole_record_give(model):
    """The plain way, in batches of 256 beats."""
    ecg = synthetic_ecg(700, 360, seed=5)
    record = Record("r", Path("r.csv"), 360.0, ("MLII",), ecg.signal_mv[:, None])
    scored = classify_record(record, model)
    tensors = beat_inputs(to_microvolts(ecg.signal_mv), scored.samples, model.metadata.input)
    scores = np.concatenate(
        [
            to_scores(
                model.run({name: rows[at : at + 256] for name, rows in tensors.items()}),
                model.metadata.output,
            )
            for at in range(0, len(scored), 256)
        ]
    )
    assert np.array_equal(scored.class_indices, scores.argmax(axis=1))
    assert np.array_equal(scored.scores, scores.max(axis=1))


def test_the_pieces_are_seen_in_order_with_gaps_where_no_voltage_is(model):
    record, _ = record_of(360.0)
    seen = []
    classify_stored(stored_of(record), model, wanted="MLII", watch=lambda c: seen.append(c.copy()))
    signal = np.concatenate(seen)
    expected = record.signal_mv[:, 0].copy()
    expected[12_000] = np.nan
    np.testing.assert_array_equal(signal, expected)


@pytest.mark.data
def test_real_records_in_pieces_are_the_same_bits(data_root):
    model = load_model("bundled:ecg-beats.int8", threads=1)
    for path, lead in (
        (data_root / "mitdb" / "207", "MLII"),
        (data_root / "ecg-extra" / "edf" / "mitdb-209-first5min.edf", "MLII"),
    ):
        results = []
        for chunk in (5001, 1 << 15):
            stored = open_record(path, lead=lead)
            signal = LeadSignal(stored, chunk)
            results.append(classify_stored(stored, model, wanted=lead, signal=signal))
        assert len(results[0]) > 300
        assert_same(*results)
