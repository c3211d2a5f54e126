from __future__ import annotations

import csv
import io
import json
import os
import re

import numpy as np
import pytest

from edgecnn.ecg.annotations import write_annotations
from edgecnn.ecg.ec57.comparison import Protocol
from edgecnn.ecg.ec57.documents import csv_files, json_document
from edgecnn.ecg.ec57.evaluate import evaluate_records
from edgecnn.ecg.ec57.html import html_page
from edgecnn.ecg.ec57.results import write_evaluation
from edgecnn.errors import EdgeCNNError, UsageError


@pytest.fixture
def evaluation(tmp_path):
    """Two records and one without test annotations, whose name is not for HTML."""
    folder = tmp_path / "records"
    folder.mkdir()
    for name, reference, test in (
        ("one", "NNVVNNN", "NNVNNNN"),
        ("two", "NANVNNN", "NNNVNN"),
        ("<b>&", "N", None),
    ):
        (folder / f"{name}.hea").write_text("x 1 100 2000\nx.dat 16 200 16 0 0 0 0 II\n")
        for annotator, symbols in (("atr", reference), ("edge", test)):
            if symbols is not None:
                samples = 100 + 100 * np.arange(len(symbols))
                write_annotations(folder / f"{name}.{annotator}", samples, symbols)
    return evaluate_records([folder], protocol=Protocol(start_s=0))


def test_the_document_holds_counts_and_statistics(evaluation):
    document = json.loads(json.dumps(json_document(evaluation)))
    assert document["labels"] == list("NSVFQOX")
    assert document["confusion"][2] == [1, 0, 2, 0, 0, 0, 0]
    assert document["statistics"]["veb_sensitivity"] == {
        "part": 2,
        "whole": 3,
        "gross": 0.666667,
        "average": 0.75,
        "records": 2,
        "interval_95": [0.5, 1.0],
    }
    one, two = document["records"]
    assert (one["record"], one["duration_s"], one["sampling_rate_hz"]) == ("one", 20.0, 100.0)
    assert one["runs"]["veb"]["sensitivity"][2][1] == 1
    assert two["statistics"]["qrs_sensitivity"] == {"part": 6, "whole": 7, "value": 0.857143}
    assert document["errors"][0]["reason"] == "no annotation file"
    assert document["protocol"]["map"] == "literature"


def test_tables_have_a_row_per_record(evaluation):
    tables = {
        name: list(csv.DictReader(io.StringIO(text)))
        for name, text in csv_files(evaluation).items()
    }
    one, two = tables["beat-by-beat.csv"]
    assert (one["record"], one["Nn"], one["Vn"], one["Vv"]) == ("one", "5", "1", "1")
    assert (two["% Q Se"], two["No"], two["% S +P"]) == ("85.714", "1", "")
    runs = tables["run-by-run.csv"]
    assert [(row["record"], row["class"]) for row in runs] == [
        *(("one", "veb"), ("two", "veb"), ("one", "sveb"), ("two", "sveb")),
    ]
    assert (runs[0]["CTs"], runs[0]["CFN"], runs[0]["% CSe"]) == ("0", "1", "0.0")
    assert [row["rhythm"] for row in tables["episodes.csv"]] == ["AFIB", "AFIB", "VF", "VF"]
    named = {row["statistic"]: row for row in tables["statistics.csv"]}
    assert (named["veb_sensitivity"]["gross"], named["veb_sensitivity"]["low_95"]) == (
        *("0.666667", "0.5"),
    )
    (error,) = tables["errors.csv"]
    assert error["path"].endswith("<b>&.edge")
    assert list(error) == ["path", "reason", "hint"]


def test_all_files_are_written(evaluation, tmp_path):
    out = tmp_path / "judged"
    assert write_evaluation(evaluation, out) == out / "report.html"
    assert sorted(path.name for path in out.iterdir()) == [
        *("beat-by-beat.csv", "episodes.csv", "errors.csv", "evaluation.json", "report.html"),
        *("report.txt", "run-by-run.csv", "statistics.csv"),
    ]
    assert json.loads((out / "evaluation.json").read_text()) == json.loads(
        json.dumps(json_document(evaluation))
    )


def test_results_of_scoring_are_not_written_over(evaluation, tmp_path):
    for name in ("beats.csv", "records.csv", "report.html"):
        (tmp_path / name).write_text("scored")
    with pytest.raises(UsageError, match="scoring run"):
        write_evaluation(evaluation, tmp_path)
    assert (tmp_path / "report.html").read_text() == "scored"


def test_a_folder_that_cannot_be_made_is_an_error(evaluation, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeCNNError, match="cannot write"):
        write_evaluation(evaluation, tmp_path / "file" / "out")


def test_the_page_needs_nothing_else(evaluation):
    page = html_page(evaluation)
    assert not re.search(r"(?:src|href)=|url\((?!#)|@import", page)
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;.edge: no annotation file" in page
    assert "66.67" in page


def test_a_page_without_records(evaluation):
    from dataclasses import replace

    page = html_page(replace(evaluation, records=(), statistics={}))
    assert "Not compared" in page


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_fits_desk_and_phone(evaluation, chromium, tmp_path, width, scheme):
    """Only tables scroll; and no script or resource is asked for."""
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "page.html"
    page_file.write_text(html_page(evaluation))
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=str(chromium), args=options)
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("table.matrix td.hit").first.is_visible()
        assert page.locator("svg .interval").first.bounding_box()["width"] > 0
        assert asked == [page_file.as_uri()]
        assert errors == []
        browser.close()
