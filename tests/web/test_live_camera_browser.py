"""A browser's own camera as the source."""

import pytest

from edgecnn.web.address import Address
from edgecnn.web.tls import own_certificate
from tests.web.looking import PATIENCE_MS, count_of, no_overflow, open_page, until

pytestmark = pytest.mark.browser


def test_the_browsers_own_camera_is_the_source(browser, stream):
    running = stream("browser:?size=480&fps=20")
    page = open_page(browser, running.url, "phone")
    until(page, "document.getElementById('empty').textContent === 'Waiting for a camera'")
    assert page.inner_text("#state").strip() == "waiting"
    # From edge to edge, as the picture will be.
    view = page.locator("#view").bounding_box()
    assert (view["x"], view["width"]) == (0, 390)
    page.click("#camera-button")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    until(page, f"{count_of('captured')} > 10")
    # The picture comes back with its answer, at the size that was asked for.
    until(page, "document.getElementById('picture').naturalWidth === 480")
    assert page.inner_text("#label") in ("dark", "grey", "bright")
    assert page.inner_text("[data-count=failed]") == "0"
    second = open_page(browser, running.url)
    until(second, "!document.getElementById('camera').hidden")
    second.click("#camera-button")
    until(
        second, "document.getElementById('camera-note').textContent.startsWith('another browser')"
    )
    page.click("#camera-turn")
    before = page.evaluate(count_of("captured"))
    until(page, f"{count_of('captured')} > {before + 5}")
    page.click("#camera-button")
    assert page.inner_text("#camera-button") == "Use this device's camera"
    assert not page.locator("#camera-turn").is_visible()
    assert no_overflow(page) == []
    assert [text for text in page.troubles if not text.startswith("ws://127.0.0.1")] == []
    page.context.close()
    second.context.close()


def test_without_https_the_page_says_why_there_is_no_camera(browser, stream):
    url = stream("browser:", address=Address("0.0.0.0", 0)).url
    if "localhost" in url:
        pytest.skip("this machine has no address but its own")
    page = open_page(browser, url)
    until(page, "document.getElementById('camera-note').textContent.includes('--tls')")
    assert page.locator("#camera-button").is_disabled()
    page.context.close()


def test_over_https_a_phone_gives_its_camera(browser, stream, tmp_path):
    """The address of this machine that others see, the token, the web socket: all over TLS."""
    everywhere = Address("0.0.0.0", 0)
    running = stream("browser:", address=everywhere, tls=own_certificate([everywhere], tmp_path))
    assert running.url.startswith("https://")
    context = browser.new_context(viewport={"width": 390, "height": 844}, ignore_https_errors=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(running.url)
    until(page, "!document.getElementById('camera').hidden")
    page.click("#camera-button")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert "token" not in page.url
    context.close()
