from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecnn.ecg.aami import class_map, is_beat
from edgecnn.ecg.annotations import Annotations
from edgecnn.ecg.ec57.comparison import Protocol, compare
from edgecnn.errors import RecordError, UsageError

ALL = Protocol(start_s=0)
END = 20_000


@st.composite
def annotators(draw, *, marks=True):
    """A list of beats, rhythms, unreadable stretches and, if asked for, flutter."""
    count = draw(st.integers(0, 60))
    samples = sorted(draw(st.sets(st.integers(0, END - 1), min_size=count, max_size=count)))
    symbols = st.sampled_from("NNNNLAVVVFQ/ej+~" + ("[]" if marks else ""))
    chosen = tuple(draw(symbols) for _ in samples)
    rhythm = st.sampled_from(["(N", "(AFIB", "(AFIB\0"])
    aux = tuple(draw(rhythm) if symbol == "+" else "" for symbol in chosen)
    subtypes = [draw(st.sampled_from([0, -1, 48])) if symbol == "~" else 0 for symbol in chosen]
    zeros = np.zeros(len(samples), dtype=np.int64)
    return Annotations(
        np.array(samples, np.int64), chosen, aux, np.array(subtypes, np.int64), zeros, zeros
    )


def compared(reference, test, **changes):
    protocol = dataclasses.replace(ALL, **changes)
    return compare(reference, test, rate_hz=100, samples=END, protocol=protocol)


@given(annotators())
def test_an_annotator_agrees_with_itself(labels):
    for name, ratio in compared(labels, labels).ratios().items():
        if ratio.whole:
            assert ratio.value == (0.0 if name.endswith("rate") else 1.0), name


@given(annotators(), annotators(), st.sampled_from(["either", "own"]))
def test_swapping_annotators_swaps_sensitivity_and_predictivity(first, second, vf):
    """Of runs, episodes and QRS exactly, and the matrix is turned over."""
    forth, back = compared(first, second, vf=vf), compared(second, first, vf=vf)
    assert np.array_equal(forth.beats.matrix, back.beats.matrix.T)
    assert forth.beats.left_out == back.beats.left_out[::-1]
    ratios, swapped = forth.ratios(), back.ratios()
    for name, ratio in ratios.items():
        if name in ("veb_sensitivity", "sveb_sensitivity"):
            # Here F and Q are forgiven on one side only.
            assert ratio.part == swapped[name.replace("sensitivity", "positive_predictivity")].part
        elif name.endswith("sensitivity"):
            assert ratio == swapped[name.replace("sensitivity", "positive_predictivity")], name


@given(annotators(), annotators(), st.sampled_from(["reference", "either", "own"]))
def test_totals_conserve_counts(reference, test, vf):
    """Every beat of each annotator is in one cell, or left out because of flutter."""
    beats = compared(reference, test, vf=vf).beats
    for matrix, labels, left_out in (
        (beats.matrix, reference, beats.left_out[0]),
        (beats.matrix.T, test, beats.left_out[1]),
    ):
        assert matrix[:5].sum() + left_out == sum(map(is_beat, labels.symbols))


@given(annotators(marks=False), annotators(marks=False), st.integers(0, 100), st.integers(101, 200))
def test_totals_conserve_counts_of_a_period(reference, test, start, end):
    """But for the partners that a beat within has without."""
    beats = compared(reference, test, start_s=start, end_s=end).beats
    for matrix, labels in ((beats.matrix, reference), (beats.matrix.T, test)):
        inside = sum(
            is_beat(symbol) and 100 * start <= sample < 100 * end
            for sample, symbol in zip(labels.samples.tolist(), labels.symbols, strict=True)
        )
        assert inside <= matrix[:5].sum() <= inside + 2


@given(annotators(), annotators())
@settings(max_examples=50)
def test_every_run_is_counted_once(reference, test):
    one = compared(reference, test)
    for counts in one.runs.values():
        assert not counts.sensitivity[0].any()
        assert not counts.predictivity[:, 0].any()


def test_the_first_five_minutes_do_not_count(beats):
    """Beats at 1, 2, ... 600 s: 300 s and after are 301 of them, 600 s among them."""
    given = beats("N" * 600)
    one = compare(given, given, rate_hz=100, samples=60_100)
    assert one.beats.matrix[0, 0] == one.beats.matrix.sum() == 301
    assert one.duration_s == 301.0


def test_without_a_length_the_record_ends_with_the_reference(beats):
    """Ten beats against twelve: the last two lie behind the end."""
    one = compare(beats("N" * 10), beats("N" * 12), rate_hz=100, protocol=ALL)
    assert one.beats.matrix.sum() == one.beats.matrix[0, 0] == 10


def test_another_rate_is_converted(beats):
    """What is counted at 200 Hz is at half the samples of 100 Hz."""
    given = beats("NVN")
    doubled = dataclasses.replace(given, samples=2 * given.samples, sampling_rate_hz=200.0)
    one = compare(given, doubled, rate_hz=100, samples=1000, protocol=ALL)
    assert one.ratios()["qrs_sensitivity"].value == 1.0


def test_the_map_is_the_protocols(beats):
    one = compared(beats("NeN"), beats("NAN"), class_map="bxb")
    assert one.ratios()["sveb_sensitivity"] == (1, 1)
    assert compared(beats("NeN"), beats("NAN")).ratios()["sveb_sensitivity"] == (0, 0)
    assert class_map("bxb")["e"] == "S"


def test_a_record_that_ends_too_early_is_an_error(beats):
    with pytest.raises(RecordError, match=r"ends at 3\.0 s, the comparison begins at 300 s"):
        compare(beats("NN"), beats("NN"), rate_hz=100, samples=300)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_map": "mine"}, "unknown class map"),
        ({"vf": "mine"}, "unknown VF rule"),
        ({"start_s": -1}, "must not be negative"),
        ({"window_s": -1}, "must not be negative"),
        ({"end_s": 300}, "before it begins"),
    ],
)
def test_a_protocol_that_cannot_be_followed(change, message):
    with pytest.raises(UsageError, match=message):
        Protocol(**change)
