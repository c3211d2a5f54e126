from __future__ import annotations

import dataclasses
import re
import shlex

import click
import msgspec
import numpy as np
import pytest

from edgecnn.calibration.activation_figures import ActivationFigure, draw_histogram
from edgecnn.calibration.compare import compare_models, open_pair
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.quantize_page import command_of, quantize_page
from edgecnn.calibration.tensor_values import Range
from edgecnn.cli.group import edgecnn
from edgecnn.cli.quantize import quantize
from edgecnn.data.arrays import PictureArray


@pytest.fixture(scope="module")
def made(fp32, calibration, stripes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    report = quantize_model(
        fp32,
        folder / "s.int8.onnx",
        calibration,
        evaluate=stripes,
        samples=32,
        seconds=0.05,
        allow_slower=True,
        max_drop=50,
        method="percentile",
        page=folder / "q.html",
    )
    return folder / "q.html", report


def test_the_page_needs_nothing_else(made):
    text = made[0].read_text()
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "http" not in text.replace("http://www.w3.org", "")


def test_what_it_says(made):
    path, report = made
    text = path.read_text()
    for heading in (
        "How it was made",
        "The same again",
        "Answers",
        "By class",
        "Confusion",
        "Within the budget",
        "Noise by layer",
        "Activations and their ranges",
        "Most changed",
    ):
        assert f">{heading}" in text
    assert f"{report.int8:.4f}" in text
    assert text.count('class="histogram"') >= 5
    assert text.count('<table class="matrix') == 2
    assert [sum(map(sum, report.confusion[key])) for key in ("fp32", "int8")] == [300, 300]
    assert "data:image/png;base64" in text


def test_the_command_makes_the_same_file(made):
    """Every option exists, and what was chosen by measuring is asked for by name."""
    report = made[1]
    words = shlex.split(command_of(report))
    assert words[:3] == ["edgecnn", "quantize", report.source]
    context = quantize.make_context(
        # As the group makes it: click keeps what help options a command had first.
        "quantize",
        words[2:],
        parent=click.Context(edgecnn, **edgecnn.context_settings),
    )
    given = context.params
    assert (given["method"], given["leave"], given["samples"]) == ("percentile", "none", 32)
    assert given["bias_correction"] == report.bias_corrected
    assert given["form"] == "static"


def test_the_command_names_what_was_given_as_it_was_given(made):
    """Not by the data's name, which is no path; and the file itself tells of no folder."""
    report = made[1]
    named = {
        "model_named": "bundled:net",
        "calibration_named": "my photos/",
        "evaluate_named": "../labelled",
    }
    given = msgspec.structs.replace(report, settings=report.settings | named)
    words = shlex.split(command_of(given))
    assert words[2:7] == ["bundled:net", "--calibration", "my photos/", "--evaluate", "../labelled"]


def test_clipped_values_are_red():
    counts = np.ones(80)
    figure = ActivationFigure("x", Range(0.0, 8.0), Range(0.0, 4.0), 0.5, counts)
    drawn = draw_histogram(figure)
    inside, outside = re.findall(r'class="(value[ a-z]*)" d="([^"]*)"', drawn)
    assert (inside[0], outside[0]) == ("value", "value low")
    assert abs(inside[1].count("Z") - outside[1].count("Z")) <= 2
    whole = draw_histogram(dataclasses.replace(figure, chosen=Range(0.0, 8.0)))
    assert "value low" not in whole


def test_names_cannot_break_out(made, fp32, stripes):
    _, report = made
    compared = compare_models(
        *open_pair(fp32, report.path, provider="cpu"), stripes, limit=20, seconds=0
    )
    strange = msgspec.structs.replace(
        report, remarks=("<script>alert(1)</script>",), kept_fp32=("<i>",)
    )
    figure = ActivationFigure("<b>x", Range(0, 1), Range(0, 1), 0.0, np.ones(80))
    text = quantize_page(strange, compared, [figure])
    assert "<script" not in text
    assert "<i>" not in text
    assert "&lt;b&gt;x" in text


def test_without_labels(fp32, calibration, tmp_path):
    unlabelled = PictureArray(calibration.info, calibration.pictures, None)
    quantize_model(
        fp32,
        tmp_path / "o.onnx",
        unlabelled,
        samples=16,
        seconds=0.05,
        form="weights",
        allow_slower=True,
        page=tmp_path / "q.html",
    )
    text = (tmp_path / "q.html").read_text()
    assert ">Confusion" not in text
    assert ">Activations" not in text


@pytest.mark.browser
def test_on_a_desk_and_on_a_phone(made, chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        for width in (1280, 360):
            tab = browser.new_page(viewport={"width": width, "height": 800})
            tab.goto(made[0].as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
        browser.close()
