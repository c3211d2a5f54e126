"""RR ratios by their definition, written out for one beat at a time."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.metadata import BeatInput, BoxcarFilter, RhythmFeatures
from edgecnn.preprocessing.rr import early_beats, rhythm_ratios

SPEC = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=96,
    after=128,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(set="local"),
)


def column(name: str) -> int:
    return SPEC.rhythm.features.index(name)


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
