"""One definition of what a signal is: a stream's equals a record's, bit for bit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.conditioning import LeadConditioner, condition_lead
from edgecnn.ecg.gaps import gaps_of
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.record import Record
from edgecnn.ecg.stream import Beats, BeatStream
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import RecordError
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.preprocessing.resample import resample
from edgecnn.runtime.session import load_model

#: Lengths of gaps: one sample, bridged, just not bridged, long.
GAPS_S = (0.0, 0.015, 0.025, 0.5)
MODEL_HZ = 360.0


def conditioned(signal_mv, rate_hz, cuts=()):
    conditioner = LeadConditioner(rate_hz, MODEL_HZ)
    parts = [conditioner.push(chunk) for chunk in np.split(signal_mv, cuts)]
    parts.append(conditioner.flush())
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def with_gaps(signal_mv, rate_hz, rng, each=3):
    """Put gaps of every length into a signal, one of them of samples that are no voltage."""
    spoilt = np.array(signal_mv, dtype=np.float64)
    for length_s in GAPS_S * each:
        start = rng.integers(0, spoilt.size)
        spoilt[start : start + max(1, round(length_s * rate_hz))] = np.nan
    start = rng.integers(0, spoilt.size)
    spoilt[start : start + rng.integers(1, 40)] = 1e308
    return spoilt


def some_cuts(size, rng):
    mean = rng.choice([5, 36, 1000])
    return np.sort(rng.integers(0, size + 1, size=max(1, size // mean)))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), rate_hz=st.sampled_from([360.0, 250.0, 1000.0, 128.0, 257.0]))
def test_however_it_is_cut_a_stream_gives_what_the_record_gives(seed, rate_hz):
    rng = np.random.default_rng(seed)
    signal = with_gaps(rng.normal(size=1500).cumsum(), rate_hz, rng)
    whole = condition_lead(signal, rate_hz, MODEL_HZ)
    signal_uv, valid = conditioned(signal, rate_hz, some_cuts(signal.size, rng))
    assert np.array_equal(signal_uv, whole.signal_uv)
    assert np.array_equal(gaps_of(valid), whole.gaps)


@pytest.mark.parametrize("rate_hz", [360.0, 250.0, 1000.0])
def test_without_gaps_it_is_the_rate_that_changes_and_nothing_else(rate_hz):
    signal = np.random.default_rng(1).normal(size=3000)
    lead = condition_lead(signal, rate_hz, MODEL_HZ)
    assert np.array_equal(lead.signal_uv, to_microvolts(resample(signal, rate_hz, MODEL_HZ)))
    assert len(lead.gaps) == len(lead.record_gaps) == 0


@pytest.mark.parametrize("rate_hz", [360.0, 250.0, 1000.0])
def test_no_sample_comes_later_than_is_stated(rate_hz):
    rng = np.random.default_rng(2)
    signal = with_gaps(rng.normal(size=4000), rate_hz, rng)
    conditioner = LeadConditioner(rate_hz, MODEL_HZ)
    given_out, latest = 0, 0.0
    for number, sample in enumerate(signal):
        given_out += conditioner.push(np.array([sample]))[0].size
        # The next one is due when the stream has come so far past it.
        latest = max(latest, number / rate_hz - given_out / MODEL_HZ)
    assert latest <= conditioner.look_ahead_s + 1e-9
    assert latest > 0.5 * conditioner.look_ahead_s


def test_only_a_long_gap_is_one_at_either_rate():
    signal = np.sin(np.arange(2500) / 20)
    signal[500:503] = np.nan
    signal[1000:1250] = np.nan
    lead = condition_lead(signal, 250, MODEL_HZ)
    assert lead.record_gaps.tolist() == [[1000, 1250]]
    ((start, stop),) = lead.gaps.tolist()
    # No sample of the model's rate counts as signal that lies between one that is and none.
    assert (start, stop) == (1439, 1800)
    assert "253 samples missing (10 %)" in lead.notes


def test_a_signal_of_nothing_but_absurd_values_is_refused():
    with pytest.raises(RecordError, match="every sample lies beyond"):
        condition_lead(np.full(100, 1e308), 360, 360)


# --- beats and answers ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return load_model("bundled:ecg-beats", threads=1)


class Listening:
    """A model that remembers what it was asked and what it said."""

    def __init__(self, model):
        self.model, self.path = model, model.path
        self.metadata, self.measured = model.metadata, model.measured
        self.asked, self.logits = [], []

    def run(self, inputs):
        self.asked.append({name: values.copy() for name, values in inputs.items()})
        self.logits.append(self.model.run(inputs))
        return self.logits[-1]

    def tensors(self):
        return {name: np.concatenate([one[name] for one in self.asked]) for name in self.asked[0]}


def streamed(model, signal, rate_hz, cuts):
    conditioner = LeadConditioner(rate_hz, MODEL_HZ)
    stream = BeatStream(model.metadata, model.run)
    parts = [stream.push(*conditioner.push(chunk)) for chunk in np.split(signal, cuts)]
    parts += [stream.push(*conditioner.flush()), stream.flush()]
    return Beats(
        *(np.concatenate([getattr(part, name) for part in parts])
          for name in ("samples", "classes", "scores"))
    )  # fmt: skip


@cache
def real_signal(folder, name, rate_hz):
    record = read_record(folder / "mitdb" / name, lead="MLII")
    signal = record.lead_mv("MLII")[100 * 360 : 190 * 360]
    return resample(signal, 360, rate_hz)


@pytest.mark.data
@pytest.mark.parametrize("rate_hz", [360.0, 250.0])
@pytest.mark.parametrize("name", ["100", "208", "119", "222"])
@pytest.mark.parametrize("seed", range(2))
def test_a_real_record_with_gaps_is_the_same_live_and_scored(model, data_root, name, rate_hz, seed):
    rng = np.random.default_rng([seed, int(name)])
    signal = with_gaps(real_signal(data_root, name, rate_hz), rate_hz, rng, each=4)
    scoring, live = Listening(model), Listening(model)
    record = Record(name, data_root / name, rate_hz, ("MLII",), signal[:, None])
    scored = classify_record(record, scoring)
    beats = streamed(live, signal, rate_hz, some_cuts(signal.size, rng))
    assert len(beats) > 70
    ratio = rate_hz / MODEL_HZ
    assert np.array_equal(np.rint(beats.samples * ratio).astype(int), scored.samples)
    assert np.array_equal(beats.classes, scored.class_indices)
    for key, values in scoring.tensors().items():
        assert np.array_equal(live.tensors()[key], values)
    # A batch of another size may round a network's last bits otherwise.
    np.testing.assert_allclose(
        np.concatenate(live.logits), np.concatenate(scoring.logits), rtol=0, atol=2e-5
    )
    blind = np.isnan(beats.scores).all(axis=1)
    assert np.array_equal(blind, np.isnan(scored.scores))
    assert blind.any()
    # No beat lies in a gap, and the bridged ones blind nobody.
    inside = np.isnan(signal[scored.samples])
    longest = int(0.02 * rate_hz)
    gaps = gaps_of(np.abs(signal) <= 1e4, longer_than=longest)
    assert not any(((scored.samples >= a) & (scored.samples < b)).any() for a, b in gaps)
    near = [((gaps[:, 0] < s + rate_hz) & (gaps[:, 1] > s - rate_hz)).any() for s in scored.samples]
    assert not (blind & ~np.array(near)).any()
    assert inside.sum() <= 8


@pytest.mark.parametrize("change_mv", [0.0, 0.7, -40.0, 300.0])
def test_a_gap_makes_no_beats_whatever_the_offset_after_it(model, change_mv):
    ecg = synthetic_ecg(60, 360, seed=8, pvc_every=0)
    signal = ecg.signal_mv.copy()
    between = (ecg.samples[30] + ecg.samples[31]) // 2
    signal[between:] += change_mv
    signal[between - 20 : between + 20] = np.nan
    record = Record("r", __file__, 360.0, ("MLII",), signal[:, None])
    scored = classify_record(record, model)
    assert len(scored) == len(ecg.samples)
    assert np.abs(scored.samples - ecg.samples).max() <= 3
