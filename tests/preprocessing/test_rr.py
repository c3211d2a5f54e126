"""RR ratios by their definition, written out for one beat at a time."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from edgecnn.metadata import BeatInput, BoxcarFilter, RhythmFeatures
from edgecnn.preprocessing.rr import early_beats, rhythm_ratios, timely_beats_among

SPEC = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=96,
    after=128,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(set="local"),
)
WIDE = replace(SPEC, rhythm=RhythmFeatures(set="wide"))


def column(name: str) -> int:
    return WIDE.rhythm.features.index(name)


def test_the_first_five_are_those_of_the_plain_set() -> None:
    peaks = np.cumsum(np.random.default_rng(0).integers(150, 500, 60))
    plain = BeatInput(
        sampling_rate_hz=360,
        leads=("MLII",),
        before=96,
        after=128,
        filter=SPEC.filter,
        rhythm=RhythmFeatures(),
    )
    np.testing.assert_array_equal(rhythm_ratios(peaks, SPEC)[:, :5], rhythm_ratios(peaks, plain))


def test_every_ratio_by_its_definition() -> None:
    intervals = np.random.default_rng(1).integers(150, 430, 80)
    peaks = np.cumsum(intervals)
    rows = rhythm_ratios(peaks, SPEC)
    changes = np.abs(np.log(intervals[1:] / intervals[:-1]))
    for beat in (40, 55, 78):
        own, after = intervals[beat], intervals[beat + 1]
        past = intervals[beat - 32 : beat]
        half, ordered = np.median(past[-16:]), np.sort(past)
        irregular = np.median(changes[beat - 33 : beat - 1])
        early = np.log(own / half)
        expected = [
            early,
            np.log(own / np.median(past[-8:])),
            np.log(own / past[-1]),
            np.log(past[-1] / half),
            np.log(past[-2] / half),
            np.log(after / half),
            np.log((own + after) / (2 * half)),
            np.log(own / ordered[24]),
            np.log(own / ordered[28]),
            irregular,
            np.log(ordered[24] / ordered[8]),
            np.clip(early / (irregular + 0.02), -8, 8),
            np.mean(past < 0.97 * own),
            np.mean(past > 1.03 * own),
        ]
        np.testing.assert_allclose(rows[beat, 5:], expected, rtol=1e-5, atol=1e-6)


def test_a_run_of_early_beats_moves_the_means_and_not_the_medians() -> None:
    intervals = np.array([300] * 40 + [180] * 5 + [300] * 5)
    row = rhythm_ratios(np.cumsum(intervals), SPEC)[44]
    assert row[column("RR before : short mean")] > np.log(180 / 250)
    assert row[column("RR before : median of 16")] == pytest.approx(np.log(180 / 300))


def test_in_a_regular_rhythm_an_early_beat_is_far_and_in_an_irregular_one_it_is_not() -> None:
    steady = np.array([300] * 40 + [240, 300])
    random = np.random.default_rng(2).integers(200, 400, 40)
    irregular = np.array([*random, 240, 300])
    name = column("earliness by irregularity")
    far = rhythm_ratios(np.cumsum(steady), SPEC)[40, name]
    near = rhythm_ratios(np.cumsum(irregular), SPEC)[40, name]
    assert far == -8
    assert near > -3


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_beats(count: int) -> None:
    rows = rhythm_ratios(300 * np.arange(1, count + 1), SPEC)
    assert rows.shape == (count, 19)
    assert np.isfinite(rows).all()


def test_early_is_a_tenth_before_its_time() -> None:
    intervals = np.array([300] * 20 + [269, 300, 271, 300])
    early = early_beats(np.cumsum(intervals), SPEC)
    assert np.flatnonzero(early).tolist() == [20]
    assert early_beats(np.empty(0, np.int64), SPEC).size == 0


def test_the_wide_set_by_its_definition() -> None:
    intervals = np.random.default_rng(3).integers(100, 1000, 200)
    rows = rhythm_ratios(np.cumsum(intervals), WIDE)
    assert len(set(WIDE.rhythm.features)) == len(WIDE.rhythm.features) == rows.shape[1] == 54
    np.testing.assert_array_equal(rows[:, :19], rhythm_ratios(np.cumsum(intervals), SPEC))
    before = np.clip(intervals, 1, 864)
    for beat in (150, 180):
        own, after = before[beat], min(int(intervals[beat + 1]), 432)
        expected = [np.log(own / 360), np.log(after / 360)]
        for count in (32, 128):
            past = before[beat - count + 1 : beat + 1]
            low, half, high, top = (
                np.sort(past)[int(share * count)] for share in (0.25, 0.5, 0.75, 0.9)
            )
            expected += [np.log(own / half), np.log(own / high), np.log(own / top)]
            expected += [np.log(high / low), np.log(top / half), np.log(after / top)]
            expected.append(np.mean(past < 0.8 * top))
        one, two = before[beat - 1], before[beat - 2]
        expected += [np.log(half / 360), np.log(top / 360), np.log(one / top), np.log(two / top)]
        past = before[beat - 63 : beat + 1]
        ratio = past / np.quantile(past, 0.9)
        bounds = [0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, np.inf]
        expected += (np.histogram(ratio, bounds)[0] / 64).tolist()
        apart = np.abs(np.log(past[:-1] / own))
        change = np.abs(np.log(past[1:] / past[:-1]))
        expected += [np.mean(apart < 0.04), np.mean(apart < 0.1)]
        # The first of 64 has no change: it counts as one of nothing.
        expected += [np.mean([True, *(change < 0.05)]), np.mean([False, *(change > 0.15)])]
        expected.append(np.median([0, *change]))
        expected.append(np.mean((ratio >= 0.65) & (ratio < 0.85)))
        np.testing.assert_allclose(rows[beat, 19:], expected, rtol=1e-5, atol=1e-6)


def test_where_most_beats_are_early_the_longest_intervals_tell() -> None:
    """Bursts of four early beats, and a pause: the median calls the early ones usual."""
    intervals = np.array([300] * 10 + [180, 180, 180, 180, 420] * 40)
    peaks = np.cumsum(intervals)
    row = rhythm_ratios(peaks, WIDE)[160]
    assert intervals[160] == 180
    assert row[column("RR before : median of 16")] == 0
    assert row[column("RR before : ninth decile of 32, this one too")] == pytest.approx(
        np.log(180 / 420)
    )
    timely = timely_beats_among(peaks, WIDE)
    assert timely[100:].tolist() == (intervals[100:] == 420).tolist()
    assert timely_beats_among(np.empty(0, np.int64), WIDE).size == 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_beats_of_the_wide_set(count: int) -> None:
    rows = rhythm_ratios(300 * np.arange(1, count + 1), WIDE)
    assert rows.shape == (count, 54)
    assert np.isfinite(rows).all()
    assert timely_beats_among(300 * np.arange(1, count + 1), WIDE).all()


@pytest.mark.parametrize("first", [1, 5, 140])
@pytest.mark.parametrize("spec", [SPEC, WIDE], ids=["local", "wide"])
def test_rows_asked_for_are_those_of_all(spec: BeatInput, first: int) -> None:
    intervals = np.random.default_rng(3).integers(80, 900, 150)
    peaks = np.cumsum(intervals)
    rows = rhythm_ratios(peaks, spec, next_peak=int(peaks[-1]) + 300)
    np.testing.assert_array_equal(
        rhythm_ratios(peaks, spec, next_peak=int(peaks[-1]) + 300, first=first), rows[first:]
    )
