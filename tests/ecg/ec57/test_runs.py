"""Run by run, worked out by hand. 100 Hz, beats a second apart: the window is 15 samples."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.aami import class_map
from edgecnn.ecg.ec57.labels import labels_of
from edgecnn.ecg.ec57.runs import Run, count_runs, find_runs, run_ratios

END = 100_000


def runs_of(annotations, name="V", period=(0, END)):
    return find_runs(
        labels_of(annotations, class_map("literature"), rate_hz=100, end=END), name, period=period
    )


def lengths(annotations, name="V", period=(0, END)):
    return [run.length for run in runs_of(annotations, name, period)]


def compared(reference, test, name="V"):
    return count_runs(runs_of(reference, name), runs_of(test, name), window=15)


def values(counts):
    return {
        name.removeprefix("veb_"): (ratio.part, ratio.whole)
        for name, ratio in run_ratios(counts, "veb").items()
    }


def test_runs_are_consecutive_beats_of_a_class(beats):
    given = beats("VNVVNVVVAANAVVVVVVVVFVV")
    assert lengths(given) == [1, 2, 3, 6, 2]
    assert lengths(given, "S") == [2, 1]
    assert runs_of(given)[1] == Run(300, 400, 2)


def test_a_run_ends_where_the_signal_cannot_be_read(annotated):
    given = annotated(
        (100, "V"), (200, "V"), (250, "~", -1), (450, "~", 0), (500, "V"), (600, "V"), (700, "V")
    )
    assert lengths(given) == [2, 3]


def test_a_run_is_cut_to_the_period(beats):
    """Beats at 100 .. 600, of which 300, 400 and 500 lie in 250 .. 600."""
    assert lengths(beats("VVVVVV"), period=(250, 600)) == [3]


def test_flutter_is_a_long_run_of_v_and_of_nothing_else(annotated):
    given = annotated((100, "V"), (150, "["), (200, "V"), (900, "]"), (1000, "V"), (1100, "V"))
    assert runs_of(given) == [Run(100, 100, 1), Run(150, 899, 6), Run(1000, 1100, 2)]
    assert lengths(given, "S") == []


def test_golden_matrices(beats):
    """Reference and test, beat under beat:

    reference  N V V N V V V N V V V V V V N V N V V N
    test       N V V N V V N N V V V V V V N N N V N N   and three V more after it

    Sensitivity, each reference run by the longest test run in its window: 2 by 2, 3 by 2, 6 by 6,
    the single one by 0, the last couplet by 1.
    Positive predictivity, each test run by the longest reference run: 2 in 2, 2 in 3, 6 in 6, 1 in
    2, and 3 in nothing.
    Couplets: sensitivity 1 of 2 (the last is seen as one beat). +P: two test couplets, both where
    the reference has two or more: 2/2. Short runs: the reference's 3 is seen as 2: 0/1; the test's
    3 is where there is none: 0/1. Long: 1/1, 1/1.
    """
    reference = beats("NVVNVVVNVVVVVVNVNVVN" + " NNNN")
    test = beats("NVVNVVNNVVVVVVNNNVNN" + " VVVN")
    counts = compared(reference, test)
    sensitivity = np.zeros((7, 7), dtype=int)
    sensitivity[2, 2] = sensitivity[3, 2] = sensitivity[6, 6] = 1
    sensitivity[1, 0] = sensitivity[2, 1] = 1
    assert np.array_equal(counts.sensitivity, sensitivity)
    predictivity = np.zeros((7, 7), dtype=int)
    predictivity[2, 2] = predictivity[3, 2] = predictivity[6, 6] = 1
    predictivity[2, 1] = predictivity[0, 3] = 1
    assert np.array_equal(counts.predictivity, predictivity)
    assert values(counts) == {
        "couplet_sensitivity": (1, 2),
        "couplet_positive_predictivity": (2, 2),
        "short_run_sensitivity": (0, 1),
        "short_run_positive_predictivity": (0, 1),
        "long_run_sensitivity": (1, 1),
        "long_run_positive_predictivity": (1, 1),
    }


@pytest.mark.parametrize(
    ("reference", "test", "kind", "found"),
    [
        ("VV", "VVVV", "couplet", 1),  # longer is found
        ("VV", "VN", "couplet", 0),
        ("VVV", "VVVVVV", "short_run", 1),
        ("VVVVV", "VVVNN", "short_run", 1),  # three are enough for any of 3 to 5
        ("VVVVV", "VVNVV", "short_run", 0),  # 2 + 2 are not
        ("VVVVVV", "VVVVVN", "long_run", 0),
        ("VVVVVVVV", "NVVVVVVN", "long_run", 1),
    ],
)
def test_what_counts_as_found(beats, reference, test, kind, found):
    counts = compared(beats("N" + reference + "N"), beats("N" + test + "N"))
    assert values(counts)[f"{kind}_sensitivity"] == (found, 1)


def test_two_runs_in_one_window_count_by_the_longer(beats):
    """The reference's eight in a row are V V V N V V N V to the test: the longest has three."""
    counts = compared(beats("VVVVVVVV"), beats("VVVNVVNV"))
    assert counts.sensitivity[6, 3] == 1
    assert counts.sensitivity.sum() == 1
    assert counts.predictivity[6].tolist() == [0, 1, 1, 1, 0, 0, 0]


def test_the_window_reaches_150_ms_beyond_the_run(annotated):
    """A couplet at 1000, 1100: from 985 to 1115."""
    reference = annotated((1000, "V"), (1100, "V"))
    assert compared(reference, annotated((900, "V"), (985, "V"))).sensitivity[2, 2] == 1
    assert compared(reference, annotated((900, "V"), (984, "V"))).sensitivity[2, 0] == 1
    assert compared(reference, annotated((1115, "V"), (1200, "V"))).sensitivity[2, 2] == 1
    assert compared(reference, annotated((1116, "V"), (1200, "V"))).sensitivity[2, 0] == 1
