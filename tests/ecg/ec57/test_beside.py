"""Two tests beside each other, worked out by hand."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from edgecnn.ecg.annotations import write_annotations
from edgecnn.ecg.ec57.beside import beside_csv, beside_document, beside_text, put_beside
from edgecnn.ecg.ec57.comparison import Protocol
from edgecnn.ecg.ec57.evaluate import evaluate_records


@pytest.fixture
def judged(tmp_path):
    """Two records of ten beats; `b` lacks the third, and calls a V and an N of `two` otherwise."""
    truth = {"one": "NNNNVNNNVN", "two": "NNVNNNVNNN", "three": "NNNNNNNNNN"}
    called = {
        "a": truth | {"two": "NNVNNNNNNN"},
        "b": {"one": truth["one"], "two": "NVVNNNVNNN"},
    }
    samples = np.arange(1, 11) * 300
    for name, symbols in truth.items():
        (tmp_path / f"{name}.hea").write_text(f"{name} 0 360 4000\n")
        write_annotations(tmp_path / f"{name}.ref", samples, symbols)
        for annotator, of in called.items():
            if name in of:
                write_annotations(tmp_path / f"{name}.{annotator}", samples, of[name])

    def judge(test):
        return evaluate_records(
            [tmp_path], reference="ref", test=test, protocol=Protocol(start_s=0.0)
        )

    return put_beside(judge("a"), judge("b"), ("a", "b"))


def test_each_class_is_compared_over_the_records_that_both_have(judged):
    assert [record.name for record in judged.first.records] == ["one", "two"]
    found = {(row.name, row.statistic): row for row in judged.rows}
    assert {name for name, _ in found} == {"N", "V"}
    v_found = found["V", "sensitivity"]
    assert (v_found.beats, v_found.first, v_found.second) == (4, 3 / 4, 1.0)
    assert v_found.difference == pytest.approx(1 / 4)
    v_right = found["V", "positive_predictivity"]
    assert (v_right.first, v_right.second) == (1.0, 4 / 5)
    n_found = found["N", "sensitivity"]
    assert (n_found.beats, n_found.first, n_found.second) == (16, 1.0, 15 / 16)


def test_the_interval_is_of_the_change_with_the_same_draws_for_both(judged):
    """Twice `one`, no change (1/4); once each, +1/4 (1/2); twice `two`, +1/2 (1/4)."""
    (row,) = (r for r in judged.rows if (r.name, r.statistic) == ("V", "sensitivity"))
    assert row.interval_95 == pytest.approx((0.0, 0.5))


def test_text_csv_and_document_say_the_same(judged):
    text = beside_text(judged)
    assert "Side by side, %, over 2 records" in text
    (line,) = (line for line in text.splitlines() if line.startswith("V"))
    assert line.split() == ["V", "4", "Se", "75.00", "100.00", "+25.00", "+0.00", "to", "+50.00"]
    rows = list(csv.DictReader(beside_csv(judged).splitlines()))
    document = beside_document(judged)
    assert [float(row["first"]) for row in rows] == [row["first"] for row in document["rows"]]
    assert document["rows"][0]["class"] == rows[0]["class"] == "N"
    assert (document["first"], document["records"]) == ("a", 2)
