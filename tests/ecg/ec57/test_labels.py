from __future__ import annotations

import pytest

from edgecnn.ecg.aami import CLASSES, class_map
from edgecnn.ecg.annotations import read_annotations
from edgecnn.ecg.ec57.labels import VF, labels_of, rhythm_episodes


def labelled(annotations, *, name="literature", end=10_000):
    return labels_of(annotations, class_map(name), rate_hz=100, end=end)


def test_beats_are_those_of_the_map(annotated):
    given = annotated((10, "N"), (20, "+", "(N"), (30, "e"), (40, "V"), (50, "~"), (60, "/"))
    for name, expected in (("literature", "NNVQ"), ("bxb", "NSVQ")):
        labels = labelled(given, name=name)
        assert labels.samples.tolist() == [10, 30, 40, 60]
        assert "".join(CLASSES[i] for i in labels.classes) == expected


def test_annotations_out_of_order_are_sorted(annotated):
    assert labelled(annotated((30, "V"), (10, "N"))).samples.tolist() == [10, 30]


def test_unreadable_lasts_until_a_mark_that_says_otherwise(annotated):
    """Both signals are, with bits 16 and 32 of the subtype: 48 and -1. One alone is not enough."""
    given = annotated(
        (10, "N"), (100, "~", -1), (200, "N"), (300, "~", 0), (400, "~", 16), (500, "~", 48),
        (600, "~", 32),
    )  # fmt: skip
    assert labelled(given).unreadable.tolist() == [[100, 300], [500, 600]]


def test_unreadable_that_nothing_ends_reaches_to_its_neighbours(annotated):
    """AHA: 150 ms (15 samples) from the annotations around the mark; at the end, to the end."""
    given = annotated((100, "N"), (300, "~", -1), (500, "N"), (800, "~", -1))
    assert labelled(given).unreadable.tolist() == [[115, 485], [515, 10_000]]


def test_flutter_is_between_brackets(annotated):
    given = annotated((5, "]"), (10, "["), (20, "!"), (30, "]"), (40, "["), (50, "["))
    assert labelled(given).flutter.tolist() == [[10, 30], [40, 10_000]]
    assert rhythm_episodes(labelled(given), VF) == [(10, 30), (40, 10_000)]
    assert not len(labelled(given).samples)


def test_a_rhythm_lasts_until_another(annotated):
    given = annotated(
        (0, "+", "(N\0"), (100, "+", "(AFIB\0"), (150, "+", "(AFIB"), (200, "+", "(AFL"),
        (300, "+", "(AFIB"),
    )  # fmt: skip
    labels = labelled(given)
    assert rhythm_episodes(labels, "AFIB") == [(100, 200), (300, 10_000)]
    assert rhythm_episodes(labels, "AFL") == [(200, 300)]
    assert rhythm_episodes(labels, "VT") == []


@pytest.mark.data
def test_record_207_flutters_six_times_over_all_records(data_root):
    """MIT-BIH has six ``[`` and six ``]``, all in record 207, and rhythm ``(VFL`` with them."""
    given = read_annotations(data_root / "mitdb" / "207", "atr")
    labels = labels_of(given, class_map("literature"), rate_hz=360, end=650_000)
    assert len(labels.flutter) == 6
    assert len(rhythm_episodes(labels, "VFL")) == 6
