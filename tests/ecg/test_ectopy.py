from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.ectopy import Ectopy, ectopy_of

LABELS = ("N", "S", "V", "F")


def of(classes, gap_after=()):
    indices = np.array([LABELS.index(c) if c in LABELS else -1 for c in classes], dtype=np.int8)
    intervals = np.ones(max(0, len(classes) - 1))
    intervals[list(gap_after)] = np.nan
    return ectopy_of(indices, LABELS, intervals)


def test_pairs_and_runs_are_counted_apart():
    found = of("NVNVVNVVVNSVVVVVN")
    assert found["V"] == Ectopy(11, pytest.approx(100 * 11 / 17), pairs=1, runs=2, longest_run=5)
    assert found["S"] == Ectopy(1, pytest.approx(100 / 17), pairs=0, runs=0, longest_run=1)


def test_a_gap_and_a_beat_without_an_answer_end_a_run():
    assert of("VVVV", gap_after=[1])["V"].pairs == 2
    assert of("VVQVV")["V"] == Ectopy(4, 100.0, pairs=2, runs=0, longest_run=2)


@pytest.mark.parametrize("classes", ["", "Q", "N"])
def test_without_ectopic_beats(classes):
    burden = 0.0 if "N" in classes else None
    assert of(classes)["V"] == Ectopy(0, burden, 0, 0, 0)


def test_a_model_without_these_classes_counts_none():
    assert ectopy_of(np.zeros(3, np.int8), ("usual", "odd"), np.ones(2)) == {}
