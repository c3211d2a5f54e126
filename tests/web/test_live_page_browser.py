"""The live page in a real browser, fed by a real pipeline."""

import dataclasses
import itertools
import threading
import time

import cv2
import numpy as np
import pytest

from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.snapshot import Snapshots
from edgecnn.runtime.sinks.web import WebPage
from edgecnn.runtime.sources.browser import BrowserCamera
from edgecnn.runtime.sources.registry import open_source
from edgecnn.web.address import Address
from edgecnn.web.live_page import LivePage
from edgecnn.web.tls import own_certificate

pytestmark = pytest.mark.browser

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
#: Longer than a browser on a crowded machine ever takes.
PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield started
        started.close()


@dataclasses.dataclass
class Stream:
    pipeline: Pipeline
    thread: threading.Thread
    url: str


@pytest.fixture
def stream(picture_model):
    """A running stream; its page's address is known when the test starts."""
    running = []

    def make(
        text="test:digits?size=320x240",
        address=Address("127.0.0.1", 0),  # noqa: B008
        processor=None,
        kept=None,
        tls=None,
    ):
        announced = []
        source = open_source(text)
        camera = source if isinstance(source, BrowserCamera) else None
        page = WebPage(address, announced.append, camera=camera, tls=tls)
        sinks = [Background(page, room=1, may_lose=True, name="page")]
        if kept is not None:
            sinks.append(Snapshots(kept))
        model = load_model(picture_model, provider="cpu", spinning=False)
        pipeline = Pipeline(source, processor or ImageProcessor(model), sinks)
        thread = threading.Thread(target=pipeline.run)
        thread.start()
        limit = time.monotonic() + 90
        while not announced:
            assert time.monotonic() < limit
            time.sleep(0.01)
        running.append(Stream(pipeline, thread, announced[0]))
        return running[-1]

    yield make
    for each in running:
        each.pipeline.stop()
        each.thread.join()


def _open(browser, url, size="desktop", scheme="light"):
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text))
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on(
        "request",
        lambda request: (
            page.troubles.append(request.url)
            if not request.url.startswith((url.partition("?")[0], "data:"))
            else None
        ),
    )
    page.goto(url)
    return page


def _until(page, expression, seconds=90):
    """Wait for an expression; the page's own rules forbid playwright to compile one in it."""
    limit = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < limit, expression
        page.wait_for_timeout(50)


def _no_overflow(page):
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter(e => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && box.right > innerWidth + 0.5;
        }).map(e => e.id || e.className)"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_running_stream_is_shown(browser, stream, size, scheme):
    page = _open(browser, stream().url, size, scheme)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    _until(page, "document.getElementById('picture').naturalWidth >= 320")
    _until(page, "parseFloat(document.getElementById('fps').textContent) > 0")
    assert page.inner_text("#model") == "brightness"
    assert "test:digits" in page.inner_text("#source")
    assert page.inner_text("#label") in ("dark", "grey", "bright")
    assert page.locator("#top li").count() == 3
    scores = [float(text.strip(" %")) for text in page.locator("#top .score").all_inner_texts()]
    assert sum(scores) == pytest.approx(100, abs=0.3)
    assert float(page.inner_text("#latency")) > 0
    before = int(page.inner_text("[data-count=captured]").replace(",", ""))
    _until(
        page,
        f"parseInt(document.querySelector('[data-count=captured]').textContent) > {before + 5}",
    )
    page.evaluate("document.getElementById('model-card').open = true")
    assert "28 × 28 gray" in page.inner_text("#facts")
    assert not page.locator("#empty").is_visible()
    assert _no_overflow(page) == []
    assert page.troubles == []
    page.context.close()


def test_the_picture_moves(browser, stream):
    page = _open(browser, stream().url)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    first = page.locator("#picture").screenshot()
    page.wait_for_timeout(400)
    assert page.locator("#picture").screenshot() != first
    page.context.close()


def test_the_end_is_told_and_the_last_picture_stays(browser, stream):
    running = stream()
    page = _open(browser, running.url, "phone")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    running.pipeline.stop("enough of it")
    page.wait_for_selector("#state[data-state=ended]", timeout=PATIENCE_MS)
    assert "ended by: enough of it" in page.inner_text("#summary")
    assert page.inner_text("[data-count=pending]") == "0"
    assert page.evaluate("document.getElementById('picture').naturalWidth") >= 320
    assert page.locator("#picture").is_visible()
    page.wait_for_timeout(1500)
    assert page.inner_text("#state").strip() == "ended"
    assert _no_overflow(page) == []
    page.context.close()


def test_before_the_first_frame_the_page_waits(browser, stream):
    class Never:
        title, provider, nodes_on_provider, card = "never", "cpu", "1/1", {}
        over = threading.Event()

        def process(self, frame):
            self.over.wait(120)
            return Result("late", 1.0, (("late", 1.0),))

        def finish(self):
            return None

    never = Never()
    page = _open(browser, stream(processor=never).url)
    _until(page, "document.getElementById('model').textContent === 'never'")
    page.wait_for_timeout(300)
    assert page.locator("#empty").is_visible()
    assert "Waiting for the first frame" in page.inner_text("#empty")
    assert page.inner_text("#state").strip() == "waiting"
    assert _no_overflow(page) == []
    never.over.set()
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert page.inner_text("#label") == "late"
    page.context.close()


def test_a_lost_connection_is_told_and_found_again(browser):
    about = {"source": "cam", "model": "digits", "card": {}}
    status = {
        "frame": 1,
        "state": "ok",
        "reason": "",
        "label": "seven",
        "top": [["seven", 1.0]],
        "fps": 25.0,
        "latency_ms": 1.0,
        "ledger": dict.fromkeys(("captured", "processed", "dropped", "failed", "pending"), 1),
    }
    jpeg = cv2.imencode(".jpg", np.full((240, 320, 3), 99, np.uint8))[1].tobytes()
    first = LivePage(Address("127.0.0.1", 0), about)
    first.start()
    first.publish(status, jpeg)
    page = _open(browser, first.url)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    first._server.stop()
    page.wait_for_selector("#state[data-state=lost]", timeout=PATIENCE_MS)
    assert "Connection lost" in page.inner_text("#empty")
    second = LivePage(Address("127.0.0.1", int(first.url.rsplit(":")[2].strip("/"))), about)
    second.start()
    second.publish(status, jpeg)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    _until(page, "!document.getElementById('picture').hidden")
    second.end({})
    page.context.close()


def test_no_answer_is_shown_as_unknown_with_its_reason(browser, stream):
    class Unsure:
        title, provider, nodes_on_provider, card = "unsure", "cpu", "1/1", {}

        def process(self, frame):
            return Result.unknown("too dark <b>to say</b>")

        def finish(self):
            return None

    page = _open(browser, stream(processor=Unsure()).url)
    page.wait_for_selector("#state[data-state=unknown]", timeout=PATIENCE_MS)
    assert page.inner_text("#label") == "unknown"
    assert page.inner_text("#reason") == "too dark <b>to say</b>"
    page.context.close()


def test_long_labels_and_facts_fit_a_phone(browser, stream):
    long = "golden_retriever_with_a_very_long_name_that_has_no_spaces_at_all_in_it"

    class Wordy:
        title, provider, nodes_on_provider = long, "cpu", "1/1"

        def __init__(self):
            self.card = {"Labels": long * 3, "Accuracy on something": long}

        def process(self, frame):
            return Result(long, 0.9, ((long, 0.9), (long + "2", 0.1)))

        def finish(self):
            return None

    page = _open(browser, stream(processor=Wordy()).url, "phone", "dark")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert _no_overflow(page) == []
    page.context.close()


class Labels:
    """Answers with the digit that was drawn, and watches for drift."""

    title, provider, nodes_on_provider, card = "labels", "cpu", "1/1", {}

    def process(self, frame):
        states = {"brightness": {"state": "ok"}, "confidence": {"state": "alarm"}}
        fields = {"drift": {"state": "alarm", "signals": states}}
        return Result(frame.truth, 1.0, ((frame.truth, 1.0),), fields=fields)

    def finish(self):
        return None


def test_pausing_and_keeping_a_frame(browser, stream, tmp_path):
    running = stream(kept=tmp_path)
    page = _open(browser, running.url, "phone")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    page.click("#pause")
    page.wait_for_selector("#state[data-state=paused]", timeout=PATIENCE_MS)
    assert page.inner_text("#pause") == "Resume"
    page.click("#snapshot")
    _until(page, "document.getElementById('note').textContent.startsWith('Kept as')")
    (png,) = tmp_path.glob("*.png")
    assert png.name in page.inner_text("#note")
    assert cv2.imread(str(png)).shape == (240, 320, 3)
    # What a camera gives meanwhile is counted.
    before = int(page.inner_text("[data-count=dropped]").replace(",", ""))
    _until(page, f"parseInt(document.querySelector('[data-count=dropped]').textContent) > {before}")
    second = _open(browser, running.url)
    second.wait_for_selector("#state[data-state=paused]", timeout=PATIENCE_MS)
    second.click("#pause")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert page.inner_text("#pause") == "Pause"
    for button in ("#pause", "#snapshot"):
        assert page.locator(button).bounding_box()["height"] >= 44
    assert _no_overflow(page) == []
    assert page.troubles == []
    page.context.close()
    second.context.close()


def test_the_last_minute_and_the_drift_are_shown(browser, stream):
    running = stream("test:digits?size=160x120&fps=30&hold=0.5", processor=Labels())
    page = _open(browser, running.url, "phone")
    _until(page, "document.querySelectorAll('#strip rect').length >= 4")
    colours = page.evaluate(
        "[...document.querySelectorAll('#strip rect')].map(e => getComputedStyle(e).fill)"
    )
    assert len(set(colours)) >= 3
    edges = page.evaluate(
        "[...document.querySelectorAll('#strip rect')]"
        ".map(e => [+e.getAttribute('x'), +e.getAttribute('x') + +e.getAttribute('width')])"
    )
    assert edges[-1][1] == pytest.approx(600, abs=1)
    assert all(a[1] <= b[0] + 0.2 for a, b in itertools.pairwise(edges))
    labels = page.locator("#legend li").all_inner_texts()
    assert len(labels) >= 3
    assert set(labels) <= set("0123456789")
    assert page.inner_text("#drift") == "alarm"
    lights = page.locator("#lights li")
    assert lights.all_text_contents() == ["brightness: ok", "confidence: alarm"]
    assert [lights.nth(i).get_attribute("data-state") for i in (0, 1)] == ["ok", "alarm"]
    assert page.get_attribute("#spark-line", "d").count("L") >= 4
    # Who comes later sees it too.
    later = _open(browser, running.url)
    _until(later, "document.querySelectorAll('#strip rect').length >= 4")
    assert _no_overflow(page) == []
    assert page.troubles == later.troubles == []
    page.context.close()
    later.context.close()


class Heart:
    """Answers as an ECG's stream does: an alarm rings while the digit shown is odd."""

    title, provider, nodes_on_provider, card = "heart", "cpu", "1/1", {}

    def process(self, frame):
        alarm = {"name": "pause", "title": "no beat", "since_s": 1.0, "value": 3.04, "unit": "s"}
        fields = {
            "heart_rate_bpm": None if int(frame.truth) % 2 else 71.6,
            "sdnn_ms": 41.2,
            "rmssd_ms": None,
            "pvc_burden_percent": 2.04,
            "alarms": [alarm] if int(frame.truth) % 2 else [],
        }
        return Result("N", 1.0, (("N", 1.0),), fields=fields)

    def finish(self):
        return None


@pytest.mark.parametrize("size", SIZES)
def test_the_figures_and_alarms_of_an_ecg_are_shown(browser, stream, size):
    running = stream("test:digits?size=160x120&fps=30&hold=0.5", processor=Heart())
    page = _open(browser, running.url, size)
    _until(page, "document.querySelectorAll('#alarms li').length == 1")
    assert page.locator("#alarms li").all_inner_texts() == ["no beat"]
    assert page.inner_text("#heart-rate") == "–"
    _until(page, "document.querySelectorAll('#alarms li').length == 0")
    assert page.inner_text("#heart-rate") == "72"
    figures = [page.inner_text(f"#{name}") for name in ("sdnn", "rmssd", "burden")]
    assert figures == ["41", "–", "2.0"]
    assert _no_overflow(page) == []
    assert page.troubles == []
    page.context.close()


def test_of_several_sources_each_has_its_answer_and_its_row(browser):
    about = {"source": "2 sources", "model": "digits", "card": {}}
    ledger = dict.fromkeys(("captured", "processed", "dropped", "failed", "pending"), 1)
    one = {"score": 0.9, "state": "ok", "reason": "", "latency_ms": 2.0}
    answers = [
        one | {"source": "camera 0", "t": 3.0, "label": "seven"},
        one
        | {
            "source": "camera 1",
            "t": 3.1,
            "label": "unknown",
            "state": "unknown",
            "reason": "black",
        },
    ]
    shown = LivePage(Address("127.0.0.1", 0), about)
    shown.start()
    for t in range(3):
        shown.remember((t / 4, "one", "ok", 1.0, "camera 0"))
        shown.remember((t / 4, "two", "ok", 1.0, "camera 1"))
    status = one | {"frame": 1, "label": "seven", "top": [], "fps": 9.0, "ledger": ledger}
    shown.publish(status | {"answers": answers, "paused": False, "silence_s": 0, "t": 3.1})
    page = _open(browser, shown.url, "phone")
    _until(page, "document.querySelectorAll('#answers div').length === 2")
    assert page.inner_text("#answers").split("\n") == [
        "camera 0", "seven · 90 %", "camera 1", "unknown: black",
    ]  # fmt: skip
    assert not page.locator("#label").is_visible()
    rows = page.evaluate(
        "[...document.querySelectorAll('#strip rect')].map(e => e.y.baseVal.value)"
    )
    assert set(rows) == {0, 10}
    assert _no_overflow(page) == []
    assert page.troubles == []
    page.context.close()
    shown.end({})


def test_where_nothing_watches_for_drift_none_is_shown(browser, stream):
    page = _open(browser, stream().url)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert not page.locator("#drift-card").is_visible()
    assert not page.locator("#heart-card").is_visible()
    assert not page.locator("#camera").is_visible()
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_everything_that_moves_is_on_one_screen(browser, stream, size):
    page = _open(browser, stream("test:digits?size=640x480", processor=Labels()).url, size)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    _until(page, "!document.getElementById('past').hidden")
    seen = ["#picture", "#pause", "#strip", "#legend", "#label", "#top"]
    if size == "desktop":
        seen += ["#drift", "#lights", "#spark", "#ledger", "#model-card summary"]
    for part in seen:
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= SIZES[size][1], part
    page.context.close()


def test_the_browsers_own_camera_is_the_source(browser, stream):
    running = stream("browser:?size=480&fps=20")
    page = _open(browser, running.url, "phone")
    _until(page, "document.getElementById('empty').textContent === 'Waiting for a camera'")
    assert page.inner_text("#state").strip() == "waiting"
    page.click("#camera-button")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    _until(page, "parseInt(document.querySelector('[data-count=captured]').textContent) > 10")
    # The picture comes back with its answer, at the size that was asked for.
    _until(page, "document.getElementById('picture').naturalWidth === 480")
    assert page.inner_text("#label") in ("dark", "grey", "bright")
    assert page.inner_text("[data-count=failed]") == "0"
    second = _open(browser, running.url)
    _until(second, "!document.getElementById('camera').hidden")
    second.click("#camera-button")
    _until(
        second, "document.getElementById('camera-note').textContent.startsWith('another browser')"
    )
    page.click("#camera-turn")
    before = int(page.inner_text("[data-count=captured]"))
    _until(
        page,
        f"parseInt(document.querySelector('[data-count=captured]').textContent) > {before + 5}",
    )
    page.click("#camera-button")
    assert page.inner_text("#camera-button") == "Use this device's camera"
    assert not page.locator("#camera-turn").is_visible()
    assert _no_overflow(page) == []
    assert [text for text in page.troubles if not text.startswith("ws://127.0.0.1")] == []
    page.context.close()
    second.context.close()


def test_without_https_the_page_says_why_there_is_no_camera(browser, stream):
    url = stream("browser:", address=Address("0.0.0.0", 0)).url
    if "localhost" in url:
        pytest.skip("this machine has no address but its own")
    page = _open(browser, url)
    _until(page, "document.getElementById('camera-note').textContent.includes('--tls')")
    assert page.locator("#camera-button").is_disabled()
    page.context.close()


def test_over_https_a_phone_gives_its_camera(browser, stream, tmp_path):
    """The address of this machine that others see, the token, the web socket: all over TLS."""
    everywhere = Address("0.0.0.0", 0)
    running = stream("browser:", address=everywhere, tls=own_certificate([everywhere], tmp_path))
    assert running.url.startswith("https://")
    context = browser.new_context(viewport={"width": 390, "height": 844}, ignore_https_errors=True)
    page = context.new_page()
    page.goto(running.url)
    _until(page, "!document.getElementById('camera').hidden")
    page.click("#camera-button")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert "token" not in page.url
    context.close()


def test_a_browser_needs_the_token_once(browser, stream):
    url = stream(address=Address("0.0.0.0", 0)).url
    port, token = url.split(":")[2].split("/?token=")
    context = browser.new_context()
    page = context.new_page()
    assert page.goto(f"http://127.0.0.1:{port}/").status == 401
    page.goto(f"http://127.0.0.1:{port}/?token={token}")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert page.url == f"http://127.0.0.1:{port}/"
    assert page.goto(f"http://127.0.0.1:{port}/").status == 200
    context.close()


def test_another_page_cannot_read_the_figures(browser, stream):
    url = stream().url
    context = browser.new_context()
    page = context.new_page()
    page.goto("data:text/html,<p>elsewhere")
    answer = page.evaluate(
        """async (url) => { try { return await (await fetch(url + "figures")).text() }
                           catch (error) { return "refused" } }""",
        url,
    )
    assert answer == "refused"
    context.close()
