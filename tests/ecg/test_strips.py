"""Strips cut around ectopic beats."""

from pathlib import Path

import numpy as np

from edgecnn.ecg.scored_record import ScoredRecord
from edgecnn.ecg.strips import STRIP_S, cut_strips

RATE = 360.0
LABELS = ("N", "S", "V", "F")


def scored_of(classes, length, step=300):
    samples = np.arange(len(classes)) * step + 200
    return ScoredRecord(
        name="a",
        path=Path("a.csv"),
        sampling_rate_hz=RATE,
        duration_s=length / RATE,
        lead="MLII",
        labels=LABELS,
        samples=samples,
        class_indices=np.array([LABELS.index(c) for c in classes], dtype=np.int8),
        scores=np.ones(len(classes), dtype=np.float32),
        gaps=np.empty((0, 2), dtype=np.int64),
        notes=(),
    )


def peaks(signal_length, samples):
    signal = np.zeros(signal_length)
    signal[samples] = 1.5
    signal[samples + 5] = -0.5
    return signal


def test_the_peaks_survive_the_thinning():
    scored = scored_of("NNNVNNNN", 3600)
    signal = peaks(3600, scored.samples)
    (strip,) = cut_strips(signal, scored)
    assert strip.focus == "V"
    assert len(strip.trace_ms) < 0.6 * STRIP_S * RATE
    assert strip.trace_ms == sorted(set(strip.trace_ms))
    by_time = dict(zip(strip.trace_ms, strip.trace_uv, strict=True))
    for ms, _ in strip.beats:
        assert by_time[ms] == 1500
    assert min(strip.trace_uv) == -500
    # The V lies in the middle, unless the record's end is near.
    (at,) = [ms for ms, name in strip.beats if name == "V"]
    assert (
        strip.start_s + at / 1000 == scored.samples[3] / RATE
        or abs(strip.start_s + at / 1000 - scored.samples[3] / RATE) < 1e-3
    )
    assert 0 <= strip.start_s <= strip.start_s + strip.length_s <= 10


def test_beats_of_the_strip_are_all_there():
    scored = scored_of("NNNVNNNNNNNNNNNNNN", 6000)
    (strip,) = cut_strips(np.zeros(6000), scored)
    times = np.array([ms for ms, _ in strip.beats]) / 1000 + strip.start_s
    inside = scored.samples / RATE
    inside = inside[(inside >= strip.start_s) & (inside < strip.start_s + strip.length_s)]
    np.testing.assert_allclose(times, inside, atol=1e-3)


def test_the_longest_run_is_among_few_strips_that_do_not_overlap():
    classes = list("N" * 400)
    for place in range(0, 400, 10):
        classes[place] = "V"
    classes[203:208] = "VVVVV"
    scored = scored_of(classes, 400 * 300 + 500)
    strips = cut_strips(np.zeros(400 * 300 + 500), scored)
    assert len(strips) == 4
    starts = [strip.start_s for strip in strips]
    assert min(np.diff(starts)) >= STRIP_S
    assert any("".join(name for _, name in strip.beats).count("V") >= 5 for strip in strips)
    # Spread over the record, not crowded at its start.
    assert starts[-1] - starts[0] > 0.4 * scored.duration_s


def test_classes_come_in_their_order():
    classes = ["N"] * 100
    classes[20], classes[60] = "S", "V"
    strips = cut_strips(np.zeros(40_000), scored_of(classes, 40_000))
    assert [strip.focus for strip in strips] == ["V", "S"]


def test_a_gap_stays_a_gap():
    scored = scored_of("NNNVNNNN", 3600)
    signal = peaks(3600, scored.samples)
    signal[1400:1500] = np.nan
    (strip,) = cut_strips(signal, scored)
    assert None in strip.trace_uv
    at = [
        ms / 1000 + strip.start_s
        for ms, uv in zip(strip.trace_ms, strip.trace_uv, strict=True)
        if uv is None
    ]
    assert 1390 / RATE < min(at) <= max(at) < 1510 / RATE


def test_a_record_shorter_than_a_strip():
    scored = scored_of("NVN", 900)
    (strip,) = cut_strips(peaks(900, scored.samples), scored)
    assert (strip.start_s, strip.length_s) == (0, 2.5)


def test_no_ectopic_beats_no_strips():
    assert cut_strips(np.zeros(3600), scored_of("NNNNN", 3600)) == []
