from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from edgecnn.ecg.beats import classify_record
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.record import Record
from edgecnn.ecg.stream import Beats, BeatStream
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import ModelError, TaskError
from edgecnn.preprocessing.beats import beat_inputs
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.runtime.session import load_model

RATE = 360


@pytest.fixture(scope="module")
def model(beat_model):
    return load_model(beat_model, threads=1)


@cache
def drawn(seconds, seed):
    return synthetic_ecg(seconds, RATE, seed=seed)


def joined(parts) -> Beats:
    return Beats(
        *(np.concatenate([getattr(p, name) for p in parts])
          for name in ("samples", "classes", "scores"))
    )  # fmt: skip


def streamed(model, signal, cuts, valid=None):
    stream = BeatStream(model.metadata, model.run)
    cuts = sorted(cuts)
    masks = [None] * (len(cuts) + 1) if valid is None else np.split(valid, cuts)
    parts = [
        stream.push(chunk, mask) for chunk, mask in zip(np.split(signal, cuts), masks, strict=True)
    ]
    return joined([*parts, stream.flush()])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 14_400), max_size=80))
def test_however_it_is_cut_the_stream_says_what_scoring_says(model, cuts):
    ecg = drawn(40, 3)
    record = Record("r", __file__, RATE, ("MLII",), ecg.signal_mv[:, None])
    scored = classify_record(record, model)
    beats = streamed(model, to_microvolts(ecg.signal_mv), cuts)
    assert np.array_equal(beats.samples, scored.samples)
    assert np.array_equal(beats.classes, scored.class_indices)
    assert np.allclose(beats.scores.max(axis=1), scored.scores, atol=1e-5)


@pytest.mark.data
@pytest.mark.parametrize("chunk", [36, 1000])
def test_a_real_record_gives_what_scoring_gives(model, data_root, chunk):
    record = read_record(data_root / "mitdb" / "208", lead="MLII")
    record = dataclasses.replace(record, signal_mv=record.signal_mv[: 300 * RATE])
    scored = classify_record(record, model)
    signal = to_microvolts(record.signal_mv[:, 0])
    beats = streamed(model, signal, range(chunk, signal.size, chunk))
    assert len(beats) > 480
    assert np.array_equal(beats.samples, scored.samples)
    assert np.array_equal(beats.classes, scored.class_indices)
    assert np.allclose(beats.scores.max(axis=1), scored.scores, atol=1e-5)


def test_the_network_sees_the_very_tensors_of_the_whole_record(model):
    seen = []

    def run(inputs):
        seen.append({name: values.copy() for name, values in inputs.items()})
        return model.run(inputs)

    signal = to_microvolts(drawn(40, 5).signal_mv)
    stream = BeatStream(model.metadata, run)
    beats = joined(
        [stream.push(chunk) for chunk in np.split(signal, range(50, signal.size, 50))]
        + [stream.flush()]
    )
    whole = beat_inputs(signal, beats.samples, model.metadata.input)
    for name, values in whole.items():
        assert np.array_equal(np.concatenate([part[name] for part in seen]), values)


def test_an_answer_comes_soon_after_its_beat(model):
    signal = to_microvolts(drawn(60, 1).signal_mv)
    stream, delays = BeatStream(model.metadata, model.run), []
    for begin in range(0, signal.size, 36):
        beats = stream.push(signal[begin : begin + 36])
        delays += ((stream.received - beats.samples[beats.samples > 4 * RATE]) / RATE).tolist()
    assert len(delays) > 50
    # The chunk's own 0.1 s is part of it; only the pause after a PVC takes longer than 1.5 s.
    assert np.percentile(delays, 85) <= 1.5
    assert max(delays) <= model.metadata.input.look_ahead_s + 0.65


def test_a_slow_heart_waits_no_longer_than_stated(model):
    ecg = synthetic_ecg(60, RATE, heart_rate_bpm=32, pvc_every=0)
    signal = to_microvolts(ecg.signal_mv)
    stream, delays = BeatStream(model.metadata, model.run), []
    for begin in range(0, signal.size, 9):
        beats = stream.push(signal[begin : begin + 9])
        delays += ((stream.received - beats.samples[beats.samples > 6 * RATE]) / RATE).tolist()
    assert len(delays) > 20
    assert max(delays) <= model.metadata.input.look_ahead_s + 0.35


def test_memory_does_not_grow_with_the_stream(model):
    stream = BeatStream(model.metadata, model.run)
    flat, beats = np.zeros(3600, np.int64), to_microvolts(drawn(60, 1).signal_mv)
    for _ in range(20):
        stream.push(flat)
        stream.push(beats)
    assert stream.received == 20 * (3600 + beats.size)
    assert stream._signal.size < 20 * RATE + beats.size
    assert len(stream._cut) <= 64
    for _ in range(20):
        stream.push(flat[:36])
    assert stream._signal.size < 10 * RATE


def test_beats_beside_a_gap_have_no_answer_and_none_lie_in_it(model):
    ecg = drawn(40, 3)
    signal = to_microvolts(ecg.signal_mv)
    valid = np.ones(signal.size, dtype=bool)
    first, last = int(ecg.samples[20]) + 40, int(ecg.samples[23]) - 40
    valid[first:last] = False
    beats = streamed(model, signal, range(36, signal.size, 36), valid)
    assert not ((beats.samples >= first) & (beats.samples < last)).any()
    left, right = first - beats.samples, beats.samples - last
    spec = model.metadata.input
    touching = ((left > 0) & (left < spec.after)) | ((right >= 0) & (right < spec.before))
    assert touching.sum() >= 2
    assert np.array_equal(beats.classes == -1, touching)
    assert np.array_equal(np.isnan(beats.scores).all(axis=1), touching)


def test_a_score_below_the_least_is_no_answer(model):
    output = structs.replace(model.metadata.output, min_score=0.999)
    metadata = structs.replace(model.metadata, output=output)
    signal = to_microvolts(drawn(40, 3).signal_mv)
    stream = BeatStream(metadata, model.run)
    beats = joined([stream.push(signal), stream.flush()])
    unsure = beats.scores.max(axis=1) < 0.999
    assert unsure.sum() > 0
    assert np.array_equal(beats.classes == -1, unsure)


def test_values_that_are_no_numbers_are_an_error(model):
    stream = BeatStream(
        model.metadata, lambda inputs: np.full((len(inputs["rr"]), 4), np.nan, np.float32)
    )
    with pytest.raises(ModelError, match="no numbers"):
        stream.push(to_microvolts(drawn(40, 3).signal_mv))


def test_a_model_of_pictures_is_refused(picture_model):
    other = load_model(picture_model, threads=1)
    with pytest.raises(TaskError, match="not heartbeats"):
        BeatStream(other.metadata, other.run)


def test_an_empty_stream_ends_without_beats(model):
    stream = BeatStream(model.metadata, model.run)
    assert len(stream.push(np.empty(0, np.int64))) == 0
    assert len(stream.flush()) == 0
