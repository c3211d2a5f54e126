from __future__ import annotations

import pytest

from edgecnn.ecg.ec57.comparison import Protocol, compare
from edgecnn.ecg.ec57.evaluate import ComparedRecord, Evaluation
from edgecnn.ecg.ec57.html import html_page
from edgecnn.ecg.ec57.statistics import summarize
from edgecnn.ecg.ec57.text import STYLES, text_report

PERFECT = ("100.00", "100.00")


@pytest.fixture
def evaluation(beats):
    """Two records: N N V V N seen as N N V N N, and N A N V as N N N V."""
    protocol = Protocol(start_s=0)
    records = [
        ComparedRecord(
            name,
            compare(beats(reference), beats(test), rate_hz=100, samples=1000, protocol=protocol),
        )
        for name, reference, test in (("one", "NNVVN", "NNVNN"), ("two", "NANV", "NNNV"))
    ]
    ratios = [record.comparison.ratios() for record in records]
    return Evaluation("atr", "edge", protocol, tuple(records), (), summarize(ratios))


def lines(text):
    return [line.rstrip() for line in text.splitlines()]


def test_a_line_per_record(evaluation):
    """V: 1 of 2 and 1 of 1 found, none wrong. Gross 2/3, average 75 %. S: 0 of 1."""
    shown = lines(text_report(evaluation, "line"))
    start = shown.index("Beat by beat")
    header, _, one, two, _, total, gross, average = (
        line.split() for line in shown[start + 2 :][:8]
    )
    assert header[:6] == ["Record", "Nn'", "Sn'", "Vn'", "Fn'", "On'"]
    assert one == ["one", *"3010000000001000000", *PERFECT, "50.00", "100.00", "-", "-"]
    assert two == ["two", *"2100000000001000000", *PERFECT, *PERFECT, "0.00", "-"]
    assert total[:5] == ["Sum", "5", "1", "1", "0"]
    assert gross == ["Gross", "100.00", "100.00", "66.67", "100.00", "0.00", "-"]
    assert average == ["Average", "100.00", "100.00", "75.00", "100.00", "0.00", "-"]


def test_what_no_record_has_is_said_in_a_line(evaluation):
    shown = lines(text_report(evaluation, "line"))
    place = shown.index("Episode by episode: atrial fibrillation")
    assert shown[place + 2] == "None in either annotator."


def test_all_records_as_one(evaluation):
    shown = lines(text_report(evaluation, "condensed"))
    place = shown.index("All records")
    assert shown[place + 2].split() == list("nsvfqox")
    assert shown[place + 4].split() == ["N", "|", *"5000000"]
    assert shown[place + 5].split() == ["S", "|", *"1000000"]
    assert shown[place + 6].split() == ["V", "|", *"1020000"]
    assert shown[place + 9].split() == ["O", "|", *"00000"]


def test_a_page_per_record(evaluation):
    shown = text_report(evaluation, "standard")
    assert shown.count("Record one") == shown.count("Record two") == 1
    assert "VEB sensitivity:   50.00 (1/2)" in shown
    assert "SVEB sensitivity:       - (0/0)" in shown
    assert "VEB couplet sensitivity:    0.00 (0/1)" in shown
    # The reference's couplet is one beat to the test.
    page = lines(shown)
    place = next(n for n, line in enumerate(page) if line.startswith("Run sensitivity"))
    assert page[place + 5].split() == ["2", "|", *"0100000"]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_has_the_statistics_and_what_was_compared(evaluation, style):
    shown = lines(text_report(evaluation, style))
    assert shown[:2] == ["Reference annotator: atr", "     Test annotator: edge"]
    assert "not the standard's" in " ".join(shown).lower()
    row = next(line.split() for line in shown if line.startswith("VEB sensitivity "))
    assert row == ["VEB", "sensitivity", "66.67", "50.00", "to", "100.00", "75.00", "2", "2/3"]


def test_the_standards_comparison_is_not_remarked(evaluation, beats):
    usual = Evaluation("a", "b", Protocol(), evaluation.records, (), evaluation.statistics)
    assert "Not the standard's" not in text_report(usual)


def test_a_rhythm_that_the_test_nowhere_names_is_told(annotated, beats):
    """0 % of a test that does not look for it would pass for a failure."""
    protocol = Protocol(start_s=0)
    reference = annotated((100, "N"), (150, "+", "(AFIB"), (400, "N"))

    def judged(test):
        comparison = compare(reference, test, rate_hz=100, samples=1000, protocol=protocol)
        statistics = summarize([comparison.ratios()])
        return Evaluation(
            "atr", "edge", protocol, (ComparedRecord("a", comparison),), (), statistics
        )

    silent, named = judged(beats("NNNN")), judged(reference)
    assert (silent.unmarked, named.unmarked) == (("AFIB",), ())
    said = "No episode of AFIB is marked by edge"
    assert said in text_report(silent)
    assert said in html_page(silent)
    assert said not in text_report(named) + html_page(named)
