from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgecnn.calibration.compare import compare_models, open_pair
from edgecnn.calibration.compare_page import compare_page, write_page
from edgecnn.calibration.input_figures import input_figure, seen_picture
from edgecnn.calibration.quantize import quantize_model
from edgecnn.calibration.sqnr import LayerNoise
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import Sentences
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.image import image_tensor


@pytest.fixture(scope="module")
def page(fp32, calibration, stripes, tmp_path_factory) -> tuple[Path, object]:
    folder = tmp_path_factory.mktemp("page")
    quantize_model(
        fp32, folder / "s.int8.onnx", calibration, samples=32, seconds=0.05, allow_slower=True
    )
    pair = open_pair(fp32, folder / "s.int8.onnx", provider="cpu")
    report = compare_models(*pair, stripes, seconds=0.05, layer_samples=8)
    write_page(folder / "report.html", report, stripes, pair[0].metadata)
    return folder / "report.html", report


def test_the_page_needs_nothing_else(page):
    text = page[0].read_text()
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)
    assert "http" not in text.replace("http://www.w3.org", "")


def test_what_it_says(page):
    path, report = page
    text = path.read_text()
    assert f"{report.agreement:.2%}" in text
    assert text.count('<svg viewBox="0 0 100 18"') == len(report.layers)
    assert text.count("<img ") == len(report.worst) > 0
    for label in ("horizontal", "vertical", "spot"):
        assert f"<td>{label}</td>" in text
    assert "McNemar" in text


def test_names_cannot_break_out(page):
    _, report = page
    strange = msgspec.structs.replace(
        report,
        data="<script>alert(1)</script>",
        layers=(LayerNoise("<b>", "<i>", None, 0.0), LayerNoise("x", "y", None, 1.0, 3)),
        flips=(("<u>", "&", 2),),
    )
    text = compare_page(strange)
    assert "<script" not in text
    assert "&lt;i&gt;" in text
    assert "&lt;u&gt; → &amp; 2×" in text
    assert "equal" in text
    assert "not finite" in text


def test_a_picture_comes_back_as_it_was_seen():
    random = np.random.default_rng(0)
    picture = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for layout in ("NCHW", "NHWC"):
        for colour in ("rgb", "bgr"):
            spec = ImageInput(
                height=8,
                width=8,
                colour=colour,
                layout=layout,
                mean=(0.5, 0.4, 0.3),
                std=(0.2, 0.3, 0.4),
            )
            seen = seen_picture(image_tensor(picture, spec), spec)
            assert np.array_equal(seen, picture)


def test_a_sentence_is_shown_as_text():
    info = DatasetInfo("said", "all", ("a",), "0" * 64, "", "")
    said = Sentences(info, ["1 < 2 & so on"], None)
    spec = ImageInput(height=8, width=8, colour="gray")  # never asked
    assert (
        input_figure(said, spec, 0) == '<blockquote class="quiet">1 &lt; 2 &amp; so on</blockquote>'
    )


@pytest.mark.data
def test_a_beat_is_drawn_over_the_usual_one(data_root):
    from edgecnn.data import open_dataset
    from edgecnn.runtime.session import load_model

    spec = load_model("bundled:ecg-beats", provider="cpu").metadata.input
    figure = input_figure(open_dataset("mitdb:119", root=data_root / "mitdb"), spec, 5)
    assert figure.count("<path") == 2
    assert "nan" not in figure


@pytest.mark.browser
def test_on_a_desk_and_on_a_phone(page, chromium):
    """Nothing runs over the edge, and the bars are as long as their figures say."""
    from playwright.sync_api import sync_playwright

    path, report = page
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        for width in (1280, 360):
            tab = browser.new_page(viewport={"width": width, "height": 800})
            tab.goto(path.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            shares = tab.evaluate(
                """[...document.querySelectorAll('.layers svg')].map(svg =>
                    svg.querySelector('.value').getBoundingClientRect().width
                    / svg.querySelector('.rail').getBoundingClientRect().width)"""
            )
            wanted = [
                1.0 if one.sqnr_db is None else min(1.0, one.sqnr_db / 50) for one in report.layers
            ]
            assert shares == pytest.approx(wanted, abs=0.01)
            assert tab.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
        browser.close()
