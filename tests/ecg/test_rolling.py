from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.ectopy import ectopy_of
from edgecnn.ecg.heart_rate import rr_intervals_s, variability
from edgecnn.ecg.rolling import RollingStatistics

LABELS = ("N", "S", "V", "F")
RATE = 250.0


def beats(count, seed=0):
    rng = np.random.default_rng(seed)
    samples = np.cumsum(rng.normal(0.8, 0.05, count) * RATE).astype(np.int64)
    return samples, rng.choice([-1, 0, 1, 2], count, p=[0.02, 0.83, 0.05, 0.10]).astype(np.int8)


@pytest.mark.parametrize("seed", range(3))
def test_the_figures_are_those_of_the_finished_record(seed):
    samples, classes = beats(300, seed)
    gap = (int(samples[100]) + 20, int(samples[103]) - 20)
    rolling = RollingStatistics(LABELS, RATE)
    valid = np.ones(int(samples[-1]) + 1, dtype=bool)
    valid[slice(*gap)] = False
    chunk, taken = 77, 0
    for sample, index in zip(samples.tolist(), classes.tolist(), strict=True):
        while taken <= sample:
            rolling.mark(taken, valid[taken : taken + chunk])
            taken += chunk
        rolling.add(sample, index)
    intervals = rr_intervals_s(samples, RATE, np.array([gap]))
    varies = variability(intervals, classes == 0)
    figures = rolling.figures()
    assert np.isnan(intervals).sum() == 1
    assert (figures.sdnn_ms, figures.rmssd_ms) == (varies.sdnn_ms, varies.rmssd_ms)
    expected = ectopy_of(classes, LABELS, intervals)["V"].burden_percent
    assert figures.pvc_burden_percent == expected
    assert figures.beats == 300


def test_only_the_window_counts_and_memory_stays():
    rolling = RollingStatistics(LABELS, RATE, window_s=10)
    samples, classes = beats(5000)
    for number, (sample, index) in enumerate(zip(samples.tolist(), classes.tolist(), strict=True)):
        rolling.mark(sample, np.array([True, False]) if number % 7 == 0 else np.ones(2, bool))
        rolling.add(sample, index)
    inside = samples > samples[-1] - 10 * RATE
    assert rolling.figures().beats == inside.sum() < 20
    assert len(rolling._beats) == inside.sum()
    assert len(rolling._gaps) <= inside.sum()


@pytest.mark.parametrize(
    ("classes", "gap_after", "run"),
    [([2, 2, 2], None, 3), ([2, 0, 2, 2], None, 2), ([2, 2, 0], None, 0), ([2, 2, 2, 2], 1, 2)],
)
def test_a_run_is_ended_by_another_beat_and_by_a_gap(classes, gap_after, run):
    rolling = RollingStatistics(LABELS, RATE)
    for number, index in enumerate(classes):
        rolling.add(200 * number, index)
        if number == gap_after:
            rolling.mark(200 * number + 50, np.zeros(100, dtype=bool))
    assert rolling.figures().pvc_run == run
