"""Whether beats can be told from noise: the same by pieces as in one, and never in flutter."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.doubtful import Doubtful
from edgecnn.ecg.quality import LeadWatch
from edgecnn.ecg.readers import read_record
from edgecnn.ecg.signal_quality import SignalQuality, SignalState
from edgecnn.ecg.synthetic import synthetic_ecg

RATE = 360.0


def judged(signal_mv, rate_hz=RATE, chunk=32768):
    quality = SignalQuality(rate_hz)
    parts = [quality.push(signal_mv[i : i + chunk]) for i in range(0, len(signal_mv), chunk)]
    states = np.concatenate([*parts, quality.flush()])
    assert quality.judged == len(states) * quality.block
    assert len(states) == len(signal_mv) // quality.block
    return states


def ecg(seconds=20.0, rate_hz=RATE, **kind):
    return synthetic_ecg(seconds, rate_hz, seed=3, pvc_every=0, **kind).signal_mv


def noise(seconds, deviation_mv, rate_hz=RATE, seed=0):
    return np.random.default_rng(seed).normal(0, deviation_mv, round(seconds * rate_hz))


@pytest.fixture(scope="module")
def all_kinds():
    parts = (
        *(ecg(), noise(10, 0.6), ecg(), np.full(3600, 1.0), ecg(), noise(10, 0.02), ecg()),
        *(np.full(1800, np.nan), ecg(), np.clip(50 * ecg(10), -5, 5), ecg()),
    )
    return np.concatenate(parts)


@pytest.mark.parametrize("chunk", [1, 36, 179, 4001])
def test_how_the_stream_is_cut_makes_no_difference(all_kinds, chunk):
    part = all_kinds if chunk > 1 else all_kinds[: 45 * 360]
    assert np.array_equal(judged(part, chunk=chunk), judged(part))


def test_each_state_is_where_it_should_be(all_kinds):
    states = judged(all_kinds)

    def share(first_s, stop_s, state):
        return np.mean(states[round(2 * first_s) : round(2 * stop_s)] == state)

    assert share(0, 19, SignalState.GOOD) == 1
    assert share(20, 29, SignalState.NOISE) > 0.6
    assert share(32, 49, SignalState.GOOD) == 1
    assert share(50.5, 60, SignalState.FLAT) == 1
    assert share(81, 89, SignalState.QUIET) == 1
    assert share(110, 115, SignalState.LOST) == 1
    assert share(116, 134, SignalState.GOOD) == 1


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 250.0, 500.0, 1000.0, 2000.0])
def test_the_sampling_rate_matters_little(rate_hz):
    clean = ecg(30, rate_hz)
    assert (judged(clean, rate_hz) == SignalState.GOOD).all()
    # As much per hertz, below 25 Hz, at each rate.
    loud = noise(30, 0.3 * np.sqrt(rate_hz / 100), rate_hz)
    hidden = judged(np.concatenate([clean, loud]), rate_hz)[62:]
    assert np.mean(hidden == SignalState.NOISE) > 0.8


@pytest.mark.parametrize("heart_rate", [30, 60, 120, 180])
def test_slow_and_fast_hearts_are_good(heart_rate):
    drawn = synthetic_ecg(30, RATE, seed=3, heart_rate_bpm=heart_rate, pvc_every=0)
    states = judged(drawn.signal_mv)
    assert not any(SignalState(state).hides_beats for state in states.tolist())
    # Between two beats of a very slow heart there is a pause; no beat lies in one.
    beats = states[np.minimum(drawn.samples // 180, len(states) - 1)]
    assert (beats == SignalState.GOOD).all()
    assert heart_rate == 30 or (states == SignalState.GOOD).all()


@pytest.mark.parametrize("hertz", [3.0, 4.5, 6.0])
def test_flutter_is_even_but_no_noise(hertz):
    time = np.arange(20 * 360) / RATE
    flutter = 0.6 * np.sin(2 * np.pi * hertz * time) + noise(20, 0.02)
    states = judged(np.concatenate([ecg(), flutter]))
    assert (states == SignalState.GOOD).all()


@pytest.mark.parametrize("hertz", [50.0, 60.0])
def test_nothing_but_hum_has_no_beats(hertz):
    hum = np.sin(2 * np.pi * hertz * np.arange(20 * 360) / RATE)
    states = judged(np.concatenate([ecg(), hum]))[42:]
    assert all(SignalState(state).feigns_beats for state in states.tolist())
    # Hum upon an ECG that stays in sight through the filter is no harm.
    assert (judged(ecg() + 0.3 * hum) == SignalState.GOOD).all()


def test_a_signal_at_both_ends_of_its_range_is_saturated():
    clipped = np.clip(50 * np.sin(2 * np.pi * 50 * np.arange(3600) / RATE), -5, 5)
    assert (judged(np.concatenate([ecg(), clipped]))[41:] == SignalState.SATURATED).all()
    # Peaks that are cut off are not.
    assert (judged(np.clip(ecg(), -1, 0.8)) == SignalState.GOOD).all()


def test_noise_counts_for_no_figure():
    samples = np.array([100, 200, 300, 400, 500, 800])
    classes = np.array([0, 1, 0, 1, 0, 0], dtype=np.int8)
    doubtful = Doubtful.of(np.array([0, 0, 4, 5, 0, 5, 0, 0], np.int8), 110)
    assert doubtful.hiding.tolist() == [[220, 330]]
    assert doubtful.feigning.tolist() == [[220, 440], [550, 660]]
    sure, intervals = doubtful.left_out(samples, classes, np.ones(5))
    assert sure.tolist() == [0, 1, -1, -1, 0, 0]
    # The last one is a pause.
    np.testing.assert_array_equal(np.isnan(intervals), [False, True, True, True, False])


def test_beats_behind_noise_have_no_class_yet():
    samples = np.arange(30) * 100
    doubtful = Doubtful.of(np.array([0] * 5 + [4] * 10 + [0] * 15, np.int8), 100)
    sure, intervals = doubtful.left_out(samples, np.ones(30, np.int8), np.ones(29))
    assert np.flatnonzero(sure < 0).tolist() == list(range(5, 22))
    assert np.flatnonzero(np.isnan(intervals)).tolist() == list(range(4, 15))


def test_scoring_tells_of_noise():
    watch = LeadWatch(RATE)
    signal = np.concatenate([ecg(30), noise(30, 0.8), ecg(30)])
    for first in range(0, len(signal), 5000):
        watch.push(signal[first : first + 5000])
    quality = watch.finish(signal)
    assert quality.doubtful.hiding[0, 0] == pytest.approx(30 * 360, abs=540)
    assert quality.doubtful.hiding[-1, 1] == pytest.approx(60 * 360, abs=540)
    assert any(
        remark.startswith("no beat can be told from noise for ") for remark in quality.remarks
    )


@pytest.mark.data
def test_ventricular_tachycardia_and_flutter_are_never_held(data_root):
    """Record 205 (runs of tachycardia) and 207 (flutter) of DS1, where annotated."""
    from edgecnn.ecg.aami import CLASS_OF_SYMBOL
    from edgecnn.ecg.annotations import read_annotations
    from edgecnn.ecg.ec57.labels import labels_of, rhythm_episodes

    held = seconds = 0.0
    for name in ("205", "207"):
        record = read_record(data_root / "mitdb" / name, lead="MLII")
        states = judged(record.lead_mv("MLII"))
        annotations = read_annotations(data_root / "mitdb" / name, "atr")
        labels = labels_of(annotations, CLASS_OF_SYMBOL, rate_hz=360, end=len(states) * 180)
        for rhythm in ("VT", "VFL"):
            for first, stop in rhythm_episodes(labels, rhythm):
                inside = states[first // 180 : stop // 180 + 1]
                held += np.count_nonzero([SignalState(s).hides_beats for s in inside]) / 2
                seconds += len(inside) / 2
    assert seconds > 150
    assert held / seconds < 0.03
