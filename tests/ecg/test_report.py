"""The report, as text and in a real browser."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest

from edgecnn.ecg.annotated_copy import symbols_of
from edgecnn.ecg.parts import make_part
from edgecnn.ecg.record_files import Problem
from edgecnn.ecg.report import DISCLAIMER, write_report
from edgecnn.ecg.report_figures import clock, rr_histogram, strip_figure, tachogram
from edgecnn.ecg.score import score_records
from edgecnn.ecg.scored_record import ScoredRecord
from edgecnn.ecg.strips import cut_strips
from edgecnn.ecg.synthetic import synthetic_ecg
from edgecnn.errors import RecordError
from edgecnn.metadata import DatasetUse
from edgecnn.runtime.session import load_model
from tests.browser import ARGUMENTS

RATE = 360.0
LABELS = ("N", "S", "V", "F")


@pytest.fixture(scope="module")
def model(beat_model):
    return load_model(beat_model)


def part_of(name="a", *, seed=1, seconds=60, classes=None, gap=None, scale=1.0):
    ecg = synthetic_ecg(seconds, RATE, seed=seed)
    signal = ecg.signal_mv * scale
    gaps = np.empty((0, 2), dtype=np.int64)
    if gap is not None:
        signal[slice(*gap)] = np.nan
        gaps = np.array([gap])
    names = list(ecg.symbols if classes is None else classes(ecg.symbols))
    scored = ScoredRecord(
        name=name,
        path=Path(f"{name}.csv"),
        sampling_rate_hz=RATE,
        duration_s=float(seconds),
        lead="MLII",
        labels=LABELS,
        samples=ecg.samples,
        class_indices=np.array([LABELS.index(n) for n in names], dtype=np.int8),
        scores=np.ones(len(names), dtype=np.float32),
        gaps=gaps,
        notes=("a note",) if gap is not None else (),
    )
    strips = cut_strips(signal, scored)
    return make_part(name, Path(f"{name}.edge"), scored, symbols_of(LABELS), strips)


def report_of(tmp_path, model, parts, problems=()):
    path = tmp_path / "report.html"
    write_report(path, model, [p.score for p in parts], problems, lambda n: parts[n])
    text = path.read_text(encoding="utf-8")
    check_tags(text)
    return text


class _Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_tags(text):
    """Every tag is closed, in its order."""
    parser = _Tags()
    parser.feed(text)
    parser.close()
    assert parser.open == []


def test_it_says_what_it_is_and_how_good_the_model_is(tmp_path, model):
    text = report_of(tmp_path, model, [part_of()])
    assert "not a medical device" in DISCLAIMER
    assert text.count(DISCLAIMER) == 2
    assert "beat-rule" in text
    assert (
        "macro-F1 (N, S, V) 0.500 (95 % interval 0.400 to 0.600) on 100 beats of drawn:test" in text
    )
    assert re.search(
        r'<td class="c-V">V</td><td>10</td><td>80.0</td><td>90.0</td><td>85.0</td>', text
    )


def test_a_model_without_a_measured_accuracy_is_told(tmp_path, model):
    text = report_of(tmp_path, dataclasses.replace(model, measured=None), [part_of()])
    assert "states no measured accuracy" in text


def test_an_accuracy_on_the_training_data_is_called_that(tmp_path, model):
    assert "trained on these very beats" not in report_of(tmp_path, model, [part_of()])
    use = DatasetUse(
        name="drawn:test", role="train", sha256="0", samples=100, attribution="", licence=""
    )
    provenance = msgspec.structs.replace(model.metadata.provenance, datasets=(use,))
    metadata = msgspec.structs.replace(model.metadata, provenance=provenance)
    text = report_of(tmp_path, dataclasses.replace(model, metadata=metadata), [part_of()])
    assert "trained on these very beats" in text


def test_it_needs_nothing_else(tmp_path, model):
    text = report_of(tmp_path, model, [part_of()])
    assert not re.search(
        r"(?:src|href)=[\"'](?!records/|records\.csv|beats\.csv|errors\.csv|annotations/)", text
    )
    assert not re.search(r"url\((?!#)", text)
    assert "<script" not in text


def test_figures_of_every_record(tmp_path, model):
    parts = [part_of("one"), part_of("two", seed=2)]
    text = report_of(tmp_path, model, parts, [])
    assert text.count('<figure class="strip">') == sum(len(p.strips) for p in parts) >= 6
    assert text.count('<figure class="chart">') == 4
    assert text.count("<details open>") == 2
    assert text.count('href="records/one.html"') == 2
    assert 'id="r0"' in text
    assert "Not scored" not in text


def test_names_and_reasons_cannot_become_markup(tmp_path, model):
    evil = "<script>alert(1)</script>&"
    part = part_of(evil)
    score = dataclasses.replace(part.score, lead=evil, notes=(evil,))
    problems = [Problem(evil, RecordError(evil, hint=evil))]
    text = report_of(tmp_path, model, [dataclasses.replace(part, score=score)], problems)
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;") >= 5


def test_a_problem_is_named_once_with_its_cure(tmp_path, model):
    problems = [
        Problem("x/100.hea", RecordError("x/100.hea is empty", hint="copy it again")),
        Problem("y.csv", RecordError("no samples")),
    ]
    text = report_of(tmp_path, model, [], problems)
    assert '<li>x/100.hea is empty<br><span class="quiet">copy it again</span></li>' in text
    assert "<li>y.csv: no samples</li>" in text


def test_thousands_of_records_stay_one_page(tmp_path, model):
    busy, calm = part_of("busy"), part_of("calm", classes=lambda s: ["N"] * len(s))
    parts = [calm] * 1500
    parts[1200] = busy
    text = report_of(tmp_path, model, parts)
    assert len(text) < 3_000_000
    assert "The first 1,000 of 1,500." in text
    assert "The 100 records with most ectopic beats." in text
    # The one with ectopic beats is among those that are drawn.
    assert 'id="r1200"' in text
    assert text.count("<details") == 100


def test_a_strip_is_drawn_to_scale():
    strip = part_of(seconds=30).strips[0]
    figure = ElementTree.fromstring(strip_figure(strip))
    svg = figure.find("svg")
    # 25 mm per second.
    assert svg.get("viewBox") == "0 0 150 36"
    assert "10 mm/mV" in "".join(figure.itertext())
    letters = [(float(t.get("x")), t.text) for t in svg.iter("text")]
    places = [(min(max(ms * 0.025, 3), 147), name) for ms, name in strip.beats]
    assert letters == [(pytest.approx(x, abs=0.06), name) for x, name in places]
    coloured = [p for p in svg.iter("path") if "c-V" in p.get("class")]
    assert len(coloured) == sum(name == "V" for _, name in strip.beats) >= 1
    (trace,) = [p for p in svg.iter("path") if p.get("class") == "trace"]
    heights = [y for _, y in points(trace.get("d"))]
    volts = [uv for uv in strip.trace_uv if uv is not None]
    gain = 10
    assert max(heights) - min(heights) == pytest.approx(
        (max(volts) - min(volts)) / 1000 * gain, abs=0.2
    )
    assert 0 < min(heights) < max(heights) < 36


def test_no_letter_is_cut_off_at_a_strips_edge():
    strip = dataclasses.replace(
        part_of(seconds=30).strips[0], beats=[(0, "V"), (10, "N"), (3000, "N"), (5990, "V")]
    )
    svg = ElementTree.fromstring(strip_figure(strip)).find("svg")
    assert [float(text.get("x")) for text in svg.iter("text")] == [3, 3, 75, 147]


def points(path):
    """Points of a path made of one M and relative lines, or of several."""
    found = []
    for piece in path.split("M")[1:]:
        start, _, steps = piece.partition("l")
        x, y = map(float, start.split())
        found.append((x, y))
        numbers = [float(n) for n in steps.split()]
        for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + dx, y + dy
            found.append((x, y))
    return found


def test_a_trace_of_any_size_fits_its_strip():
    for scale in (0.05, 1, 20, 1000):
        strip = part_of(seconds=30, scale=scale).strips[0]
        figure = ElementTree.fromstring(strip_figure(strip))
        (trace,) = [p for p in figure.iter("path") if p.get("class") == "trace"]
        heights = [y for _, y in points(trace.get("d"))]
        assert 0 < min(heights) < max(heights) < 36
        assert max(heights) - min(heights) > 5 or scale == 0.05


def test_a_trace_breaks_at_a_gap():
    part = part_of(seconds=30)
    strip = part.strips[0]
    holed = dataclasses.replace(strip, trace_uv=[*strip.trace_uv[:50], None, *strip.trace_uv[51:]])
    figure = ElementTree.fromstring(strip_figure(holed))
    (trace,) = [p for p in figure.iter("path") if p.get("class") == "trace"]
    assert trace.get("d").count("M") == 2


def test_the_tachogram_has_a_dot_for_each_interval():
    part = part_of(seconds=60, gap=(10_000, 11_000))
    figure = ElementTree.fromstring(tachogram(part))
    dots = {p.get("class"): p.get("d").count("M") for p in figure.iter("path")}
    known = np.isfinite(part.intervals_s).sum()
    assert known == len(part.samples) - 2
    assert dots["dots c-N"] + dots["dots c-V"] == known
    assert dots["dots c-V"] == part.classes[1:].count("V")


@pytest.mark.parametrize("beats", [0, 1, 2])
def test_without_a_rhythm_there_is_no_tachogram(beats):
    part = part_of(seconds=10)
    samples, classes, scores, intervals = part.packed
    packed = samples[: 8 * beats], classes[:beats], scores[: 4 * beats]
    few = dataclasses.replace(part, packed=(*packed, intervals[: 8 * max(0, beats - 1)]))
    assert tachogram(few) == ""
    assert rr_histogram(few) == ""


def test_the_histogram_counts_each_interval_once():
    part = part_of(seconds=300, gap=(10_000, 11_000))
    figure = ElementTree.fromstring(rr_histogram(part).replace("&nbsp;", " "))
    most = int(next(s.text for s in figure.iter("span") if s.get("class") == "y"))
    counted = {
        p.get("class"): sum(
            round(-float(height) * most / 200) for height in re.findall(r"v(-[\d.]+)h", p.get("d"))
        )
        for p in figure.iter("path")
        if "bars" in p.get("class")
    }
    known = np.isfinite(part.intervals_s)
    ends = np.array(part.classes[1:])[known]
    assert counted == {"bars c-N": (ends == "N").sum(), "bars c-V": (ends == "V").sum()}


def test_times_are_written_as_on_a_clock():
    assert [clock(s) for s in (0, 59.96, 61.25, 3600)] == [
        "0:00.0",
        "1:00.0",
        "1:01.2",
        "1:00:00.0",
    ]


@pytest.fixture(scope="module")
def page(model, tmp_path_factory):
    """A report of real results."""
    folder = tmp_path_factory.mktemp("report")
    for seed in range(5):
        ecg = synthetic_ecg(60, RATE, seed=seed)
        np.savez(folder / f"record-{seed}.npz", ecg=ecg.signal_mv, fs=RATE, leads=["MLII"])
    (folder / "broken.csv").write_text("words\nmore words\n")
    return score_records(model, [folder], folder / "out").report


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)], ids=["desktop", "phone"])
def test_in_a_browser(page, chromium, scheme, width, height):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        tab = context.new_page()
        complaints, requests = [], []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(page.as_uri())
        # Nothing but the page itself, and nothing wider than the screen.
        assert requests == [page.as_uri()]
        assert complaints == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        dark = sum(map(int, re.findall(r"\d+", ground)[:3])) < 200
        assert dark == (scheme == "dark")
        assert tab.locator(".disclaimer").is_visible()
        # A table that is wider than the screen says so.
        is_cut = tab.evaluate(
            "(e => e.scrollWidth > e.clientWidth)(document.querySelector('.scroll.wide'))"
        )
        assert is_cut == tab.locator(".swipe").is_visible() == (width < 1000)
        # Closed at first with five records; a link of the table opens one.
        strip = tab.locator("#r2 .strip").first
        assert not strip.is_visible()
        tab.locator("summary").nth(2).click()
        assert strip.is_visible()
        box = strip.bounding_box()
        assert box["width"] > 300
        letters = tab.locator("#r2 .strip text.c-V").first
        assert letters.bounding_box()["height"] > 10
        # The beat nearest to each strip's edge is lettered within the strip.
        for place in tab.locator("#r2 .strip").all():
            frame = place.locator("svg").bounding_box()
            for name in place.locator("text").all():
                letter = name.bounding_box()
                assert letter["x"] >= frame["x"]
                assert letter["x"] + letter["width"] <= frame["x"] + frame["width"]
        colours = tab.evaluate(
            "['.strip path.c-V', '.strip path.trace:not(.c-V)'].map("
            "s => getComputedStyle(document.querySelector('#r2 ' + s)).stroke)"
        )
        assert colours[0] != colours[1]
        browser.close()


@pytest.mark.parametrize(("count", "hidden"), [(9, 0), (10, 2), (1200, 992)])
def test_many_problems_do_not_hide_the_results(tmp_path, model, count, hidden):
    problems = [Problem(f"r{n}.csv", RecordError(f"r{n}.csv is empty")) for n in range(count)]
    text = report_of(tmp_path, model, [part_of()], problems)
    shown, _, _ = text.partition("All of it is in")
    shown, _, rest = shown.partition("<details><summary>")
    assert shown.count("is empty") == min(count, 1000) - hidden
    assert rest.startswith(f"{hidden} more</summary>") == bool(hidden)
    assert rest.count("is empty") == hidden
