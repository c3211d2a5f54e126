"""A record and a model to classified beats."""

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.beats import beat_peaks, classify_record, match_beats
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.record import Record
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import RecordError, TaskError
from edgecnn.preprocessing.beats import beat_inputs
from edgecnn.preprocessing.boxcar import to_microvolts
from edgecnn.runtime.session import load_model
from edgecnn.runtime.tasks.classify import scores

RATE = 360.0


@pytest.fixture(scope="module")
def model(beat_model):
    return load_model(beat_model)


@pytest.fixture(scope="module")
def ecg():
    """Five minutes: more beats than one batch."""
    return synthetic_ecg(300, RATE, seed=3)


def record_of(signal_mv, rate_hz=RATE, lead="MLII", **more):
    return Record(
        "drawn", Path("drawn.csv"), rate_hz, (lead,), np.asarray(signal_mv)[:, None], **more
    )


def agreement(ecg, scored, rate_hz=RATE):
    """Share of drawn beats that were found, and drawn and called class of each."""
    samples = np.rint(ecg.samples * rate_hz / RATE).astype(int)
    pairs = match_beats(samples, scored.samples, rate_hz=rate_hz)
    return len(pairs) / len(samples), [(ecg.symbols[d], scored.classes[f]) for d, f in pairs]


def test_drawn_beats_are_found_and_classified(model, ecg):
    scored = classify_record(record_of(ecg.signal_mv), model)
    found, classes = agreement(ecg, scored)
    assert found == 1
    assert len(scored) == len(ecg.samples) > 256
    assert {drawn == called for drawn, called in classes} == {True}
    assert scored.counts["V"] == ecg.symbols.count("V") > 10
    assert scored.notes == ()
    assert scored.lead == "MLII"
    assert scored.duration_s == 300
    assert scored.scores.min() > 0.5
    assert scored.scores.max() <= 1


class Spy:
    """A session that remembers what it was run on."""

    def __init__(self, session):
        self.session = session
        self.seen = []

    def run(self, outputs, inputs, options=None):
        self.seen.append(inputs)
        return self.session.run(outputs, inputs, options)


def test_batches_are_the_rows_of_beat_inputs(model, ecg):
    """The network sees the very bits that training and a live stream give it."""
    spy = Spy(model.session)
    record = record_of(ecg.signal_mv)
    scored = classify_record(record, dataclasses.replace(model, session=spy), peaks=ecg.samples)
    whole = beat_inputs(to_microvolts(ecg.signal_mv), ecg.samples, model.metadata.input)
    assert len(spy.seen) > 1
    for name, rows in whole.items():
        np.testing.assert_array_equal(np.concatenate([batch[name] for batch in spy.seen]), rows)
    expected = scores(model.run(whole), model.metadata.output)
    np.testing.assert_array_equal(scored.class_indices, expected.argmax(axis=1))
    np.testing.assert_allclose(scored.scores, expected.max(axis=1), rtol=1e-6)


def test_given_beats_are_kept_to_the_sample(model, ecg):
    shifted = ecg.samples + 3
    scored = classify_record(record_of(ecg.signal_mv), model, peaks=shifted[::-1])
    np.testing.assert_array_equal(scored.samples, shifted)


def test_given_beats_outside_the_signal_are_left_out(model, ecg):
    peaks = np.concatenate([[-5], ecg.samples[:10], [len(ecg.signal_mv), 10**9]])
    scored = classify_record(record_of(ecg.signal_mv), model, peaks=peaks)
    np.testing.assert_array_equal(scored.samples, ecg.samples[:10])
    assert scored.notes == ("3 annotated beats lie outside the signal",)


@pytest.mark.parametrize("rate_hz", [128.0, 250.0, 500.0, 1000.0])
def test_another_sampling_rate_gives_the_same_beats(model, rate_hz):
    ecg = synthetic_ecg(60, rate_hz, seed=5)
    scored = classify_record(record_of(ecg.signal_mv, rate_hz), model)
    assert len(scored) == len(ecg.samples)
    # As exact as the coarser of the two rates.
    assert abs(scored.samples - ecg.samples).max() <= 1 + rate_hz / RATE
    assert list(scored.classes) == list(ecg.symbols)
    assert scored.notes == (f"brought from {rate_hz:g} to 360 Hz",)


def test_given_beats_survive_another_sampling_rate(model):
    ecg = synthetic_ecg(60, 500, seed=5)
    scored = classify_record(record_of(ecg.signal_mv, 500.0), model, peaks=ecg.samples)
    np.testing.assert_array_equal(scored.samples, ecg.samples)
    assert list(scored.classes) == list(ecg.symbols)


@pytest.mark.parametrize(
    ("lead", "note"),
    [
        ("MLII", ()),
        ("lead ii", ("lead ii taken as lead MLII",)),
        ("", ("unnamed lead taken as MLII",)),
        ("ECG", ("unnamed lead taken as MLII",)),
    ],
)
def test_the_lead_is_told_by_name(model, ecg, lead, note):
    scored = classify_record(record_of(ecg.signal_mv[:7200], lead=lead), model)
    assert scored.notes == note
    assert scored.lead == lead


def test_the_lead_is_picked_among_others(model, ecg):
    other = np.roll(ecg.signal_mv, 100)
    both = Record("a", Path("a"), RATE, ("V5", "II"), np.stack([other, ecg.signal_mv], axis=1))
    samples = classify_record(both, model).samples
    np.testing.assert_array_equal(samples, classify_record(record_of(ecg.signal_mv), model).samples)
    scored = classify_record(both, model, lead="V5")
    assert abs(scored.samples[5] - 100 - samples[5]) <= 1
    assert scored.notes == ("the model was trained on lead MLII",)


def test_a_missing_lead_is_named(model, ecg):
    with pytest.raises(RecordError, match="no lead MLII; it has V1"):
        classify_record(record_of(ecg.signal_mv, lead="V1"), model)


def test_beats_beside_a_gap_are_not_classified_and_in_it_are_none(model, ecg):
    signal = ecg.signal_mv.copy()
    start, stop = int(ecg.samples[50]) - 40, int(ecg.samples[53]) + 60
    signal[start:stop] = np.nan
    whole = classify_record(record_of(ecg.signal_mv), model)
    scored = classify_record(record_of(signal), model)
    assert not ((scored.samples >= start) & (scored.samples < stop)).any()
    blind = scored.class_indices == -1
    window = (scored.samples + 126 > start) & (scored.samples - 90 < stop)
    np.testing.assert_array_equal(blind, window)
    assert scored.counts["Q"] == blind.sum() >= 1
    assert np.isnan(scored.scores[blind]).all()
    np.testing.assert_array_equal(scored.gaps, [[start, stop]])
    # What is far from the gap is as it was.
    np.testing.assert_array_equal(scored.samples[:45], whole.samples[:45])
    assert scored.classes[:45] == whole.classes[:45]
    assert any("beats beside gaps not classified" in note for note in scored.notes)
    assert scored.notes[0].startswith(f"{stop - start} samples missing (")


def test_beats_that_an_annotator_put_into_a_gap_are_left_out(model, ecg):
    signal = ecg.signal_mv.copy()
    start, stop = int(ecg.samples[50]) - 40, int(ecg.samples[53]) + 60
    signal[start:stop] = np.nan
    scored = classify_record(record_of(signal), model, peaks=ecg.samples)
    expected = np.delete(ecg.samples, [50, 51, 52, 53])
    np.testing.assert_array_equal(scored.samples, expected)


@pytest.mark.parametrize("offset_mv", [-5.0, 5.0])
def test_a_gap_makes_no_beats_of_its_own(model, ecg, offset_mv):
    signal = ecg.signal_mv[:20_000] + offset_mv
    # Between two beats, away from both.
    middle = (ecg.samples[10:40] + ecg.samples[11:41]) // 2
    for place in middle[::6]:
        signal[place - 20 : place + 20] = np.nan
    scored = classify_record(record_of(signal), model)
    pairs = match_beats(ecg.samples, scored.samples, rate_hz=RATE, tolerance_s=0.05)
    assert len(scored.gaps) == 5
    assert len(pairs) == len(scored.samples) == np.count_nonzero(ecg.samples < 20_000)


def test_single_missing_samples_are_bridged(model, ecg):
    signal = ecg.signal_mv.copy()
    signal[::100] = np.nan
    scored = classify_record(record_of(signal), model)
    assert scored.counts["Q"] == 0
    assert len(scored.gaps) == 0
    assert agreement(ecg, scored)[0] == 1
    assert "samples missing" in scored.notes[0]


@pytest.mark.parametrize("ends", [slice(None, 700), slice(-700, None)])
def test_gaps_at_the_ends(model, ecg, ends):
    signal = ecg.signal_mv[:7200].copy()
    signal[ends] = np.nan
    scored = classify_record(record_of(signal), model)
    assert len(scored) > 10
    assert scored.counts["N"] > 10


def test_a_signal_of_nothing_is_an_error(model):
    with pytest.raises(RecordError, match="no valid sample"):
        classify_record(record_of(np.full(7200, np.nan)), model)


def test_a_flat_signal_has_no_beats(model):
    scored = classify_record(record_of(np.full(7200, 0.3)), model)
    assert len(scored) == 0
    assert scored.notes == ("the signal is flat", "no beats found")


def test_a_signal_too_short_for_beats_is_an_error(model, ecg):
    with pytest.raises(RecordError, match=r"lasts 1\.5 s, too short"):
        classify_record(record_of(ecg.signal_mv[:540]), model)


def test_steps_of_a_converter_are_noted(model, ecg):
    scored = classify_record(record_of(2048 + 200 * ecg.signal_mv), model)
    assert "is its unit right?" in scored.notes[0]
    assert agreement(ecg, scored)[0] == 1


def test_unlikely_classes_are_not_given(model, ecg):
    output = msgspec.structs.replace(model.metadata.output, min_score=0.99)
    metadata = msgspec.structs.replace(model.metadata, output=output)
    strict = dataclasses.replace(model, metadata=metadata)
    scored = classify_record(record_of(ecg.signal_mv), strict)
    unsure = scored.scores < 0.99
    assert 0 < unsure.sum() < len(scored)
    np.testing.assert_array_equal(scored.class_indices == -1, unsure)
    assert scored.notes == (f"{unsure.sum()} beats not classified: no class is likely enough",)


def test_a_picture_model_is_refused(picture_model, ecg):
    with pytest.raises(TaskError, match="reads pictures") as caught:
        classify_record(record_of(ecg.signal_mv), load_model(picture_model))
    assert "edgecnn predict" in caught.value.hint


# --- pairing -------------------------------------------------------------------------------------


def test_the_nearest_beat_is_taken_once():
    assert match_beats(np.array([100, 130]), np.array([110]), rate_hz=100) == [(0, 0)]
    assert match_beats(np.array([100]), np.array([96, 103]), rate_hz=100) == [(0, 1)]


def test_the_tolerance_is_150_ms_and_belongs_to_it():
    # 0.15 s at 360 Hz are 54 samples.
    assert match_beats(np.array([1000]), np.array([1054]), rate_hz=360) == [(0, 0)]
    assert match_beats(np.array([1000]), np.array([1055]), rate_hz=360) == []
    assert match_beats(np.array([1000]), np.array([1055]), rate_hz=360, tolerance_s=0.2) == [(0, 0)]


def test_nothing_pairs_with_nothing():
    empty = np.array([], dtype=np.int64)
    assert match_beats(empty, np.array([1]), rate_hz=360) == []
    assert match_beats(np.array([1]), empty, rate_hz=360) == []


rising = st.lists(st.integers(0, 400), unique=True, max_size=25).map(sorted).map(np.array)


@given(rising, rising)
def test_pairs_are_one_to_one_near_and_leave_no_free_pair(reference, test):
    pairs = match_beats(reference, test, rate_hz=100, tolerance_s=0.1)
    left, right = [i for i, _ in pairs], [j for _, j in pairs]
    assert left == sorted(set(left))
    assert len(right) == len(set(right))
    assert all(abs(int(reference[i]) - int(test[j])) <= 10 for i, j in pairs)
    free_left = [int(r) for i, r in enumerate(reference) if i not in left]
    free_right = [int(t) for j, t in enumerate(test) if j not in right]
    assert not any(abs(r - t) <= 10 for r in free_left for t in free_right)


def test_beats_are_told_from_other_annotations():
    samples = np.array([5, 10, 20, 30])
    assert beat_peaks(samples, ("+", "N", "~", "V")).tolist() == [10, 30]


# --- real records --------------------------------------------------------------------------------


@pytest.mark.data
def test_the_bundled_model_finds_the_pvcs_of_a_real_record(data_root):
    """Record 119: 443 or 444 PVCs of one kind, an easy one (training data)."""
    record = read_record(data_root / "mitdb" / "119")
    scored = classify_record(record, load_model("bundled:ecg-beats"))
    reference = read_annotations(data_root / "mitdb" / "119", "atr")
    is_beat = np.isin(reference.symbols, ["N", "V"])
    symbols = np.array(reference.symbols)[is_beat]
    pairs = match_beats(reference.samples[is_beat], scored.samples, rate_hz=360)
    assert len(pairs) >= 0.999 * is_beat.sum()
    hits = sum(symbols[i] == "V" and scored.classes[j] == "V" for i, j in pairs)
    assert hits >= 0.98 * (symbols == "V").sum()
    assert scored.counts["V"] <= 1.03 * (symbols == "V").sum()


@pytest.mark.data
def test_the_lead_is_found_where_it_is_the_second(data_root):
    scored = classify_record(
        read_record(data_root / "mitdb" / "114"), load_model("bundled:ecg-beats")
    )
    assert scored.lead == "MLII"
    assert abs(len(scored) - 1879) <= 5
