"""The live page in a real browser, fed by a real pipeline."""

import threading
import time

import cv2
import numpy as np
import pytest

from edgecnn.runtime.processor import Result
from edgecnn.web.address import Address
from edgecnn.web.live_page import LivePage
from tests.web.looking import PATIENCE_MS, SIZES, Labels, count_of, no_overflow, open_page, until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_running_stream_is_shown(browser, stream, size, scheme):
    page = open_page(browser, stream().url, size, scheme)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    until(page, "document.getElementById('picture').naturalWidth >= 320")
    until(page, "parseFloat(document.getElementById('fps').textContent) > 0")
    assert page.inner_text("#model") == "brightness"
    assert "test:digits" in page.inner_text("#source")
    assert page.inner_text("#label") in ("dark", "grey", "bright")
    assert page.locator("#top li").count() == 3
    scores = [float(text.strip(" %")) for text in page.locator("#top .score").all_inner_texts()]
    assert sum(scores) == pytest.approx(100, abs=0.3)
    assert float(page.inner_text("#latency")) > 0
    before = page.evaluate(count_of("captured"))
    until(page, f"{count_of('captured')} > {before + 5}")
    page.evaluate("document.getElementById('model-card').open = true")
    assert "28 × 28 gray" in page.inner_text("#facts")
    assert not page.locator("#empty").is_visible()
    assert no_overflow(page) == []
    assert page.troubles == []
    page.context.close()


def test_the_picture_moves(browser, stream):
    page = open_page(browser, stream().url)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    first = page.locator("#picture").screenshot()
    limit = time.monotonic() + PATIENCE_MS / 1000
    while page.locator("#picture").screenshot() == first:
        assert time.monotonic() < limit
        page.wait_for_timeout(50)
    page.context.close()


def test_the_end_is_told_and_the_last_picture_stays(browser, stream):
    running = stream()
    page = open_page(browser, running.url, "phone")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    running.pipeline.stop("enough of it")
    page.wait_for_selector("#state[data-state=ended]", timeout=PATIENCE_MS)
    assert "ended by: enough of it" in page.inner_text("#summary")
    assert page.inner_text("[data-count=pending]") == "0"
    assert page.evaluate("document.getElementById('picture').naturalWidth") >= 320
    assert page.locator("#picture").is_visible()
    page.wait_for_timeout(1500)
    assert page.inner_text("#state").strip() == "ended"
    assert no_overflow(page) == []
    page.context.close()


def test_before_the_first_frame_the_page_waits(browser, stream):
    class Never:
        title, provider, nodes_on_provider, card = "never", "cpu", "1/1", {}
        over = threading.Event()

        def process(self, frame):
            self.over.wait(250)
            return Result("late", 1.0, (("late", 1.0),))

        def finish(self):
            return None

    never = Never()
    page = open_page(browser, stream(processor=never).url)
    until(page, "document.getElementById('model').textContent === 'never'")
    page.wait_for_timeout(300)
    assert page.locator("#empty").is_visible()
    assert "Waiting for the first frame" in page.inner_text("#empty")
    assert page.inner_text("#state").strip() == "waiting"
    assert no_overflow(page) == []
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
    page = open_page(browser, first.url)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    first._server.stop()
    page.wait_for_selector("#state[data-state=lost]", timeout=PATIENCE_MS)
    assert "Connection lost" in page.inner_text("#empty")
    second = LivePage(Address("127.0.0.1", int(first.url.rsplit(":")[2].strip("/"))), about)
    second.start()
    second.publish(status, jpeg)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    until(page, "!document.getElementById('picture').hidden")
    second.end({})
    page.context.close()


def test_no_answer_is_shown_as_unknown_with_its_reason(browser, stream):
    class Unsure:
        title, provider, nodes_on_provider, card = "unsure", "cpu", "1/1", {}

        def process(self, frame):
            return Result.unknown("too dark <b>to say</b>")

        def finish(self):
            return None

    page = open_page(browser, stream(processor=Unsure()).url)
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

    page = open_page(browser, stream(processor=Wordy()).url, "phone", "dark")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert no_overflow(page) == []
    page.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_everything_that_moves_is_on_one_screen(browser, stream, size):
    # All that a model which reads colours is watched by.
    more = ("sharpness", "colour", "energy", "input.0", "input.1", "input.2", "feature", "output")
    page = open_page(browser, stream("test:digits?size=640x480", processor=Labels(*more)).url, size)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    until(page, "!document.getElementById('past').hidden")
    seen = ["#picture", "#pause", "#strip", "#legend", "#label", "#top"]
    if size == "desktop":
        seen += ["#drift", "#lights", "#spark", "#ledger", "#model-card summary"]
    for part in seen:
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= SIZES[size][1], part
    page.context.close()
