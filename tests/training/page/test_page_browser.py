"""The training page in a real browser, beside a real training."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgecnn.web.address import Address
from edgecnn.web.train_page import TrainPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
LONG = "train.epochs=100000"
#: Longer than a browser on a crowded machine ever takes.
PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield started
        started.close()


class Opened:
    """A page in the browser; what it logs, or loads from elsewhere, is a trouble."""

    def __init__(self, browser: Browser, url: str, size: str, scheme: str) -> None:
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url, url))
        self.page.goto(url)

    def _requested(self, asked: str, own: str) -> None:
        if not asked.startswith((own, "data:")):
            self.troubles.append(asked)

    def until(self, expression: str, seconds: float = 90) -> Any:
        """Wait for an expression; the page's own rules forbid playwright to compile one in it."""
        limit = time.monotonic() + seconds
        while not (found := self.page.evaluate(expression)):
            assert time.monotonic() < limit, expression
            self.page.wait_for_timeout(50)
        return found

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def overflowing(self) -> list[str]:
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll("body *")].filter(e => {
                const box = e.getBoundingClientRect();
                return box.width > 0 && box.right > innerWidth + 0.5;
            }).map(e => e.id || e.className || e.tagName)"""
        )
        return found

    def slide(self, knob: str, place: int) -> None:
        """Move a slider as a hand does: many places on the way, then let go."""
        self.page.evaluate(
            """([knob, place]) => {
                const slider = document.getElementById(knob);
                for (const each of [slider.min, slider.max, place]) {
                    slider.value = each;
                    slider.dispatchEvent(new Event("input", { bubbles: true }));
                }
                slider.dispatchEvent(new Event("change", { bubbles: true }));
            }""",
            [knob, place],
        )


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Opened]]:
    opened: list[Opened] = []

    def make(url: str, size: str = "desktop", scheme: str = "light") -> Opened:
        opened.append(Opened(browser, url, size, scheme))
        return opened[-1]

    yield make
    for each in opened:
        each.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_running_training_is_shown(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened], size: str, scheme: str
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url, size, scheme)
    seen.page.wait_for_selector("#state[data-state=training]", timeout=PATIENCE_MS)
    seen.page.wait_for_selector("#layers .layer", timeout=PATIENCE_MS)
    seen.until("document.querySelectorAll('#loss-chart .validation').length > 0")
    assert seen.text("#title") == "rings and crosses"
    assert seen.text("#subtitle").startswith("lenet5 · 61,026 parameters")
    # Curves have as many points as there were steps, and move on.
    raw = "document.querySelector('#loss-chart polyline.raw')"
    points = f"{raw}.getAttribute('points').split(' ').length"
    before = seen.page.evaluate(points)
    seen.until(f"{points} > {before}")
    assert seen.page.locator("#quality-chart polyline.training").count() == 1
    assert seen.page.locator("#rate-chart polyline").count() == 1
    assert 0 < float(seen.text("#loss")) < 3
    assert re.fullmatch(r"[\d.]+ %", seen.text("#accuracy"))
    assert re.fullmatch(r"[\d.]+ %", seen.text("#validation-quality"))
    # Examples, what they are, and what the network says.
    assert seen.page.locator("#examples .example").count() == 6
    assert seen.page.locator(".truth b").all_inner_texts() == ["cross"] * 3 + ["ring"] * 3
    scores = seen.page.locator(".example").first.locator(".score").all_inner_texts()
    assert sum(float(score.strip(" %")) for score in scores) == pytest.approx(100, abs=0.2)
    # Activations, weights and gradients, each a picture that could be read, with its range.
    assert seen.page.locator(".layer").count() == 7
    assert seen.page.locator(".layer").first.locator("img").count() == 3
    seen.until("[...document.querySelectorAll('#layers img')].every(i => i.naturalWidth > 0)")
    ranges = seen.page.locator(".panel .range").all_inner_texts()
    assert all(re.fullmatch(r"\S+ … \S+", each) for each in ranges), ranges
    assert len(ranges) == 7 + 2 * 5
    assert seen.overflowing() == []
    assert seen.troubles == []


def test_another_example_shows_its_own_activations(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened]
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url)
    seen.page.wait_for_selector("#layers .layer", timeout=PATIENCE_MS)
    running.page.controls.pause()
    seen.page.wait_for_selector("#state[data-state=paused]", timeout=PATIENCE_MS)
    source = "document.querySelector('#layers img').src"
    first = seen.page.evaluate(source)
    seen.page.locator(".example").nth(5).click()
    assert seen.page.evaluate(source) != first
    assert "activations of example 6 (ring)" in seen.text("#layers-note")
    assert seen.page.locator(".example[aria-pressed=true]").count() == 1


def test_sliders_act_on_the_training(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened]
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url)
    seen.page.wait_for_selector("#state[data-state=training]", timeout=PATIENCE_MS)
    seen.until("!document.getElementById('momentum').disabled")
    state = running.page._state
    seen.slide("momentum", 40)
    seen.slide("rate_factor", 40)
    seen.slide("weight_decay", 0)
    seen.slide("batch", 2)
    limit = time.monotonic() + 90
    while state.knobs.batch != 8 or len(state.interventions) < 4:
        assert time.monotonic() < limit, state.interventions
        seen.page.wait_for_timeout(50)
    # One change each, however many places the slider passed.
    assert {(each.setting, each.after) for each in state.interventions} == {
        *(("momentum", 0.4), ("rate_factor", 0.1), ("weight_decay", 0.0), ("batch", 8.0))
    }
    assert len(state.interventions) == 4
    seen.until("document.querySelectorAll('#changes li').length === 4")
    assert "learning rate ×1.00 → ×0.10" in seen.text("#changes")
    assert seen.text("[data-knob=rate_factor] output") == "×0.10"
    assert seen.text("[data-knob=batch] output") == "8"
    seen.until("document.querySelector('[data-knob=batch] .hint').textContent === 'recipe: 16'")
    assert seen.page.locator("#loss-chart .mark").count() == 4
    assert seen.page.locator("#marks-note").is_visible()
    # And back.
    seen.page.click("#reset")
    seen.until("document.querySelectorAll('#changes li').length === 8")
    assert (state.knobs.momentum, state.knobs.rate_factor) == (0.9, 1.0)
    assert (state.knobs.weight_decay, state.knobs.batch) == (1e-4, 16)
    seen.until("document.getElementById('reset').hidden")
    assert seen.troubles == []


def test_keys_on_a_slider_are_one_change(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened]
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url)
    seen.until("!document.getElementById('momentum').disabled")
    seen.page.focus("#momentum")
    # A key that is held repeats. However slowly it does so, one change comes of it.
    for number in range(20):
        seen.page.keyboard.down("ArrowLeft")
        if number == 10:
            seen.page.wait_for_timeout(700)
            assert running.page._state.interventions == []
    assert seen.text("[data-knob=momentum] output") == "0.7"
    seen.page.keyboard.up("ArrowLeft")
    seen.until("document.querySelectorAll('#changes li').length === 1")
    assert seen.text("#changes span") == "momentum 0.9 → 0.7"


def test_pause_and_resume(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened]
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url, "phone")
    seen.until("!document.getElementById('pause').disabled")
    seen.page.click("#pause")
    seen.page.wait_for_selector("#state[data-state=paused]", timeout=PATIENCE_MS)
    assert seen.text("#pause") == "Resume"
    at = (running.page._at.epoch, running.page._at.step)
    seen.page.wait_for_timeout(500)
    assert (running.page._at.epoch, running.page._at.step) == at
    # Whoever comes now still sees the network.
    late = look(running.page.url)
    late.page.wait_for_selector("#layers .layer", timeout=PATIENCE_MS)
    assert late.text("#pause") == "Resume"
    late.page.click("#pause")
    seen.page.wait_for_selector("#state[data-state=training]", timeout=PATIENCE_MS)
    assert seen.text("#pause") == "Pause"
    assert (running.page._at.epoch, running.page._at.step) != at
    assert seen.troubles == late.troubles == []


def test_a_hidden_page_costs_the_training_nothing(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened]
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url)
    seen.page.wait_for_selector("#layers .layer", timeout=PATIENCE_MS)
    turn = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    seen.page.evaluate(turn, True)
    limit = time.monotonic() + 90
    while running.page._page.watched:
        assert time.monotonic() < limit
        seen.page.wait_for_timeout(50)
    seen.page.evaluate(turn, False)
    before = seen.text("#speed")
    seen.until(f"document.getElementById('speed').textContent !== {before!r}")
    assert seen.troubles == []


def test_a_refused_change_is_told_and_the_slider_goes_back(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened]
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url)
    seen.until("!document.getElementById('momentum').disabled")
    ranges = running.page.controls._ranges
    ranges["momentum"] = type(ranges["momentum"])(least=0.5, most=0.99)
    seen.slide("momentum", 10)
    seen.until("!document.getElementById('refused').hidden")
    assert "momentum can be 0.5 to 0.99, not 0.1" in seen.text("#refused")
    seen.until("document.getElementById('momentum').value === '90'")
    assert seen.text("[data-knob=momentum] output") == "0.9"


@pytest.mark.parametrize("size", SIZES)
def test_the_end_is_told_and_all_stays(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened], size: str
) -> None:
    running = training(tiny, "train.epochs=60", pace_s=0.01)
    # Or it might be over before a busy machine has opened the page.
    while not running.page.controls.ranges:
        time.sleep(0.001)
    running.page.controls.pause()
    seen = look(running.page.url, size)
    seen.page.wait_for_selector("#layers .layer", timeout=PATIENCE_MS)
    running.page.controls.resume()
    seen.page.wait_for_selector("#state[data-state=done]", timeout=PATIENCE_MS)
    assert seen.text("#ending") == "The training is done after 60 epochs: accuracy measured."
    assert seen.text("#epoch") == "Epoch 60 of 60"
    for name in ("momentum", "rate_factor", "weight_decay", "batch", "pause"):
        assert seen.page.is_disabled(f"#{name}")
    seen.page.wait_for_timeout(1500)
    assert seen.text("#state").strip() == "done"
    assert seen.page.locator(".layer").count() == 7
    assert seen.overflowing() == []
    assert seen.troubles == []


def test_an_error_is_told(
    training: Callable[..., Any], tiny: Path, look: Callable[..., Opened]
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    seen = look(running.page.url)
    seen.page.wait_for_selector("#state[data-state=training]", timeout=PATIENCE_MS)
    running.end()
    seen.page.wait_for_selector("#state[data-state=failed]", timeout=PATIENCE_MS)
    assert re.fullmatch(
        r"The training failed after \d+ epochs: enough of it\.", seen.text("#ending")
    )


def test_a_lost_connection_is_told_and_found_again(look: Callable[..., Opened]) -> None:
    def serve(port: int) -> TrainPage:
        page = TrainPage(Address("127.0.0.1", port), lambda wish: None)
        page.describe(ABOUT)
        page.start()
        page.draw((0.5, 1.0, 0.5, 0.1, None, None))
        page.publish({"about": 1, "phase": "preparing", "ending": "", "snapshot": 0})
        return page

    first = serve(0)
    seen = look(first.url)
    seen.page.wait_for_selector("#state[data-state=preparing]", timeout=PATIENCE_MS)
    first._server.stop()
    seen.page.wait_for_selector("#state[data-state=lost]", timeout=PATIENCE_MS)
    second = serve(int(first.url.rsplit(":")[2].strip("/")))
    seen.page.wait_for_selector("#state[data-state=preparing]", timeout=PATIENCE_MS)
    second.end({"about": 1, "phase": "stopped", "ending": "by hand", "snapshot": 0})
    seen.page.wait_for_selector("#state[data-state=stopped]", timeout=PATIENCE_MS)


ABOUT = {
    "version": 1,
    "name": "a" * 70,
    "title": "a_very_long_name_that_has_no_spaces_at_all_in_it_" * 2,
    "architecture": "b" * 60,
    "data": "/somewhere/" + "c" * 80,
    "task": "classify",
    "optimizer": "SGD",
    "schedule": "one-cycle",
    "peak_rate": 0.1,
    "averaged": True,
    "recipe": {"rate_factor": 1.0, "momentum": 0.9, "weight_decay": 5e-4, "batch": 128},
    "examples_title": "Validation examples",
    "examples": [{"truth": "golden_retriever_" * 4, "text": "word" * 60}],
    "note": "",
}


def test_long_names_fit_a_phone_and_stay_text(look: Callable[..., Opened]) -> None:
    page = TrainPage(Address("127.0.0.1", 0), lambda wish: None)
    page.describe(ABOUT | {"title": "<b>bold</b>" + ABOUT["title"]})
    page.start()
    layer = {
        "name": "features." * 12,
        "kind": "conv 3 + norm + leaky relu " * 4,
        "shape": "512 × 14 × 14",
        "maps": {
            "form": "heat",
            "shown": "16 of 512 maps",
            "signed": False,
            "range": [None, None],
            "pictures": ["data:,"],
        },
    }
    answer = {"top": [["golden_retriever_" * 4, 0.9], ["cat", 0.1]], "right": False}
    page.show({"examples": [answer], "layers": [layer], "note": "", "epoch": 1, "step": 1})
    page.publish({"about": 1, "phase": "preparing", "ending": "", "snapshot": 1})
    try:
        seen = look(page.url, "phone", "dark")
        seen.page.wait_for_selector("#layers .layer", timeout=PATIENCE_MS)
        assert seen.text("#title").startswith("<b>bold</b>")
        assert "not finite" in seen.text(".layer")
        assert seen.overflowing() == []
    finally:
        page.end({"about": 1, "phase": "stopped", "ending": "", "snapshot": 1})


def test_a_label_of_one_word_is_not_broken(look: Callable[..., Opened]) -> None:
    page = TrainPage(Address("127.0.0.1", 0), lambda wish: None)
    page.describe(ABOUT | {"examples": [{"truth": "automobile", "text": "x"}] * 6})
    page.start()
    answer = {"top": [["automobile", 0.9], ["cat", 0.1]], "right": False}
    page.show({"examples": [answer] * 6, "layers": [], "note": "", "epoch": 1, "step": 1})
    page.publish({"about": 1, "phase": "preparing", "ending": "", "snapshot": 1})
    try:
        seen = look(page.url)
        seen.until("document.querySelector('.verdict')?.textContent")
        heights = seen.page.evaluate(
            "[...document.querySelectorAll('.truth > *')].map("
            "e => e.offsetHeight / parseFloat(getComputedStyle(e).fontSize))"
        )
        assert len(heights) == 12
        assert max(heights) < 2  # lines, of one and a half times the letters' size
    finally:
        page.end({"about": 1, "phase": "stopped", "ending": "", "snapshot": 1})


def test_another_page_cannot_turn_a_knob(
    training: Callable[..., Any], tiny: Path, browser: Browser
) -> None:
    running = training(tiny, LONG, pace_s=0.01)
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("data:text/html,<p>elsewhere")
    for kind in ("application/json", "text/plain"):
        page.evaluate(
            """async ([url, kind]) => { try {
                await fetch(url + "control", {
                    method: "POST", mode: kind === "text/plain" ? "no-cors" : "cors",
                    headers: { "Content-Type": kind }, body: JSON.stringify({ pause: true }),
                });
            } catch (error) { return "refused"; } }""",
            [running.page.url, kind],
        )
    page.wait_for_timeout(300)
    assert not running.page.controls.paused
    context.close()
