"""The rule that names a fragment's class, clause by clause."""

from __future__ import annotations

import pytest

from edgecnn.ecg.rhythm_classes import RHYTHM_LABELS, RHYTHM_TITLES, fragment_class


def test_seventeen_classes_each_with_a_title() -> None:
    assert len(RHYTHM_LABELS) == len(set(RHYTHM_TITLES.values())) == 17


@pytest.mark.parametrize("burst", ["VFL", "VT", "SVTA", "IVR"])
def test_a_burst_of_a_second_names_the_fragment(burst: str) -> None:
    assert fragment_class({"N": 9.0, burst: 1.0}, "NNNN") == burst
    assert fragment_class({"N": 9.1, burst: 0.9}, "NNNN") is None
    assert fragment_class({"AFIB": 9.0, burst: 1.0}, "NNNN") == burst


def test_flutter_comes_before_tachycardia() -> None:
    assert fragment_class({"VT": 5.0, "VFL": 5.0}, "VVVV") == "VFL"


@pytest.mark.parametrize("rhythm", ["AFIB", "AFL", "B", "T", "PREX", "BII", "P"])
def test_a_lasting_rhythm_needs_half_of_the_fragment(rhythm: str) -> None:
    assert fragment_class({rhythm: 5.0, "N": 5.0}, "NNVN") == rhythm
    assert fragment_class({rhythm: 4.9, "N": 5.1}, "NNVN") is None


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ("NNNN", "NSR"),
        ("Nejn", "NSR"),
        ("LLLL", "LBBB"),
        ("RRRR", "RBBB"),
        ("LLRR", None),
        ("NNLL", None),
        ("NNAN", "APB"),
        ("RRaR", "APB"),
        ("NJNS", "APB"),
        ("NNVN", "PVC"),
        ("LLVL", "PVC"),
        ("NAVN", None),
        ("NAFN", None),
        ("NFNN", "F"),
        ("NFVN", "F"),
        ("NFVV", None),
        ("NNQN", None),
        ("NN/N", None),
        ("NNEN", None),
        ("", None),
    ],
)
def test_in_sinus_rhythm_the_beats_name_it(beats: str, expected: str | None) -> None:
    assert fragment_class({"N": 10.0}, beats) == expected
    assert fragment_class({"SBR": 10.0}, beats) == expected


@pytest.mark.parametrize("other", ["NOD", "AB", "AFIB", "T"])
def test_beats_beside_another_rhythm_name_nothing(other: str) -> None:
    assert fragment_class({"N": 9.5, other: 0.5}, "NNNN") is None
    assert fragment_class({"N": 10.0, other: 0.0}, "NNNN") == "NSR"


def test_a_fragment_before_the_first_rhythm_annotation_is_named_by_its_beats() -> None:
    assert fragment_class({}, "NNNN") == "NSR"
