"""Beat by beat, every cell worked out by hand. 100 Hz: the window of 150 ms is 15 samples."""

from __future__ import annotations

import numpy as np
import pytest

from edgecnn.ecg.aami import class_map
from edgecnn.ecg.ec57.beats import NAMES, beat_ratios, count_beats
from edgecnn.ecg.ec57.labels import labels_of

END = 100_000


def counted(reference, test, *, period=(0, END), vf="reference", name="literature"):
    left, right = (
        labels_of(given, class_map(name), rate_hz=100, end=END) for given in (reference, test)
    )
    return count_beats(left, right, period=period, window=15, vf=vf)


def cells(counts):
    """The cells that are not 0, by name."""
    matrix = counts.matrix
    return {
        NAMES[i] + NAMES[j].lower(): int(matrix[i, j])
        for i, j in zip(*np.nonzero(matrix), strict=True)
    }


def values(counts):
    return {name: (ratio.part, ratio.whole) for name, ratio in beat_ratios(counts.matrix).items()}


@pytest.fixture
def golden(beats):
    """Each of the 25 pairs of classes once, and a miss and an extra beat of each class.

    Reference: N S V F Q five times over, the test calls the first round all n, the second all s,
    and so on: 25 beats, one in each cell of N..Q by n..q. Then five reference beats that the test
    does not have (No, So, Vo, Fo, Qo), and five test beats where the reference has none (On, Os,
    Ov, Of, Oq).
    """
    classes = "NAVF/"
    reference = beats(classes * 5 + classes + " " * 5)
    test = beats("".join(symbol * 5 for symbol in classes) + " " * 5 + classes)
    return reference, test


def test_every_cell_is_counted_once(golden):
    counts = counted(*golden)
    expected = np.zeros((7, 7), dtype=int)
    expected[:5, :5] = 1
    expected[:5, 5] = 1
    expected[5, :5] = 1
    assert np.array_equal(counts.matrix, expected)


def test_statistics_of_the_matrix_of_ones(golden):
    """All 25 + 5 + 5 cells hold 1.

    QRS: 25 paired, 5 missed, 5 extra: 25/30 and 25/30.
    VEB: found Vv = 1 of row V (n s v f q o) = 6. Wrong: Nv + Sv + Ov = 3, for Fv and Qv are
    neither right nor wrong: +P 1/4. False positive rate: 3 wrong, and right the 4 x 4 cells of
    N S F Q by n s f q = 16: 3/19.
    SVEB: found Ss = 1 of 6. Wrong: Ns + Vs + Fs + Os = 4, for Qs is neither: +P 1/5. False
    positive rate: 4/(4 + 16) = 4/20.
    """
    assert values(counted(*golden)) == {
        "qrs_sensitivity": (25, 30),
        "qrs_positive_predictivity": (25, 30),
        "veb_sensitivity": (1, 6),
        "veb_positive_predictivity": (1, 4),
        "veb_false_positive_rate": (3, 19),
        "sveb_sensitivity": (1, 6),
        "sveb_positive_predictivity": (1, 5),
        "sveb_false_positive_rate": (4, 20),
    }


def test_x_stands_for_what_was_given_up(annotated):
    """The test is shut down from 250 to 450, the reference unreadable from 650 to 850.

    Reference beats at 100 .. 600, test beats at 100, 200, 500 and 700, 800, 900. 300 and 400 are
    missed in shutdown (Nx, Vx), 600 is missed (No). 700 and 800 are extra where the reference
    cannot be read (Xn, Xv), 900 is extra (On). 100, 200 and 500 pair: Nn 3.
    QRS sensitivity 3/6: what is missed in shutdown is missed. +P 3/6. VEB sensitivity 0/1, +P 0/1.
    """
    reference = annotated(
        (100, "N"), (200, "N"), (300, "N"), (400, "V"), (500, "N"), (600, "N"),
        (650, "~", -1), (850, "~", 0),
    )  # fmt: skip
    test = annotated(
        (100, "N"), (200, "N"), (250, "~", -1), (450, "~", 0), (500, "N"),
        (700, "N"), (800, "V"), (900, "N"),
    )  # fmt: skip
    counts = counted(reference, test)
    assert cells(counts) == {"Nn": 3, "Nx": 1, "Vx": 1, "No": 1, "Xn": 1, "Xv": 1, "On": 1}
    assert (counts.shutdown, counts.unreadable) == (200, 200)
    found = values(counts)
    assert found["qrs_sensitivity"] == (3, 6)
    assert found["qrs_positive_predictivity"] == (3, 6)
    assert found["veb_sensitivity"] == (0, 1)
    assert found["veb_positive_predictivity"] == (0, 1)


def test_a_beat_that_is_paired_within_a_shutdown_is_paired(annotated):
    reference = annotated((100, "N"), (300, "N"))
    test = annotated((50, "~", -1), (110, "N"), (400, "~", 0))
    assert cells(counted(reference, test)) == {"Nn": 1, "Nx": 1}


def test_the_edge_of_the_period_tears_no_pair(annotated):
    """The period is 200 .. 400. 199/201 and 401/399 have one beat within each: both count.

    100/100 lies before, 500/500 behind; 195 (reference, alone... nothing near) is outside and
    missed nowhere; the test's 300 has no partner: On 1.
    """
    reference = annotated((100, "N"), (160, "N"), (199, "V"), (401, "N"), (500, "N"))
    test = annotated((100, "N"), (201, "V"), (300, "N"), (399, "N"), (500, "V"))
    counts = counted(reference, test, period=(200, 400))
    assert cells(counts) == {"Vv": 1, "Nn": 1, "On": 1}


@pytest.fixture
def fluttering(annotated):
    """Reference: flutter 1000 .. 2000. Test: flutter 1500 .. 2500, beats all along.

    Reference beats: 500, 990, and after the flutter 2100, 2300, 2700. Test beats: 500, 1002 (12
    from the reference's 990, within the flutter), 1200, 1400 before its own flutter, 1700 in it,
    2100 in it, 2700.
    """
    reference = annotated(
        (500, "N"), (990, "N"), (1000, "["), (2000, "]"), (2100, "N"), (2300, "V"), (2700, "N")
    )
    test = annotated(
        (500, "N"), (1002, "N"), (1200, "V"), (1400, "N"), (1500, "["), (1700, "N"), (2100, "N"),
        (2500, "]"), (2700, "N"),
    )  # fmt: skip
    return reference, test


def test_beats_in_the_references_flutter_do_not_count(fluttering):
    """1200, 1400 and 1700 are left out; 990/1002 pair, as one of the two counts.

    500, 990, 2100, 2700 pair: Nn 4. 2300 is missed: Vo 1, whatever the test says of flutter there.
    """
    counts = counted(*fluttering, vf="reference")
    assert cells(counts) == {"Nn": 4, "Vo": 1}
    assert counts.left_out == (0, 3)


def test_beats_in_either_flutter_do_not_count(fluttering):
    """Left out is 1000 .. 2500: the reference's 2100, 2300; the test's 1200, 1400, 1700, 2100.

    500, 990 and 2700 pair: Nn 3.
    """
    counts = counted(*fluttering, vf="either")
    assert cells(counts) == {"Nn": 3}
    assert counts.left_out == (2, 4)


def test_beats_in_ones_own_flutter_do_not_count(fluttering):
    """The test drops 1700 and 2100, the reference nothing (its flutter has no beats).

    500, 990, 2700 pair: Nn 3; 2100 and 2300 are missed: No 1, Vo 1; 1200 and 1400 are extra: Ov 1,
    On 1.
    """
    counts = counted(*fluttering, vf="own")
    assert cells(counts) == {"Nn": 3, "No": 1, "Vo": 1, "Ov": 1, "On": 1}
    assert counts.left_out == (0, 2)


def test_the_map_decides_on_escape_beats(beats):
    assert cells(counted(beats("ejn"), beats("NNN"))) == {"Nn": 3}
    assert cells(counted(beats("ejn"), beats("NNN"), name="bxb")) == {"Sn": 3}


def test_nothing_gives_no_value(annotated):
    ratios = beat_ratios(counted(annotated(), annotated()).matrix)
    assert all(ratio.value is None for ratio in ratios.values())
