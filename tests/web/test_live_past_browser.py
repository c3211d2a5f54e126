"""The last minute and the drift lights, in a real browser."""

import itertools
import re

import pytest

from edgecnn.runtime.label_colours import label_colour
from edgecnn.web.address import Address
from edgecnn.web.live_page import LivePage
from tests.web.looking import PATIENCE_MS, Labels, no_overflow, open_page, until

pytestmark = pytest.mark.browser

#: The colour beside each label.
_LEGEND = """Object.fromEntries([...document.querySelectorAll("#legend li")].map(
    e => [e.textContent, getComputedStyle(e, "::before").backgroundColor]))"""
DIGITS = tuple("0123456789")


def test_the_last_minute_and_the_drift_are_shown(browser, stream):
    running = stream("test:digits?size=160x120&fps=30&hold=0.5", processor=Labels(), labels=DIGITS)
    page = open_page(browser, running.url, "phone")
    until(page, "document.querySelectorAll('#strip rect').length >= 4")
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
    # Who comes later sees it too, and in the same colours.
    later = open_page(browser, running.url)
    until(later, "document.querySelectorAll('#strip rect').length >= 4")
    shown, again = (each.evaluate(_LEGEND) for each in (page, later))
    assert all(again[label] == shown[label] for label in set(again) & set(shown))
    label, colour = next(iter(shown.items()))
    blue, green, red = (round(0.76 * part) for part in label_colour(int(label)))
    mixed = [round(255 * float(part)) for part in re.findall(r"[\d.]+", colour)[:3]]
    assert mixed == pytest.approx([red, green, blue], abs=2)
    assert no_overflow(page) == []
    assert page.troubles == later.troubles == []
    page.context.close()
    later.context.close()


def test_of_several_sources_each_has_its_answer_and_its_row(browser):
    # The second one answers first.
    about = {
        "source": "2 sources",
        "model": "digits",
        "card": {},
        "sources": ["camera 0", "camera 1"],
    }
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
        shown.remember((t / 4, "two", "ok", 1.0, "camera 1"))
        shown.remember((t / 4, "one", "ok", 1.0, "camera 0"))
    status = one | {"frame": 1, "label": "seven", "top": [], "fps": 9.0, "ledger": ledger}
    shown.publish(status | {"answers": answers, "paused": False, "silence_s": 0, "t": 3.1})
    page = open_page(browser, shown.url, "phone")
    until(page, "document.querySelectorAll('#answers div').length === 2")
    assert page.inner_text("#answers").split("\n") == [
        "camera 0", "seven · 90 %", "camera 1", "unknown: black",
    ]  # fmt: skip
    assert not page.locator("#label").is_visible()
    rows = page.evaluate(
        "[...document.querySelectorAll('#strip rect')].map(e => e.y.baseVal.value)"
    )
    assert rows == sorted(rows)
    assert set(rows) == {0, 10}
    assert no_overflow(page) == []
    assert page.troubles == []
    page.context.close()
    shown.end({})


def test_where_nothing_watches_for_drift_none_is_shown(browser, stream):
    page = open_page(browser, stream().url)
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert not page.locator("#drift-card").is_visible()
    assert not page.locator("#heart-card").is_visible()
    assert not page.locator("#camera").is_visible()
    page.context.close()
