"""Pausing and keeping a frame, in real browsers."""

import cv2
import pytest

from tests.web.looking import PATIENCE_MS, count_of, no_overflow, open_page, until

pytestmark = pytest.mark.browser


def test_pausing_and_keeping_a_frame(browser, stream, tmp_path):
    running = stream(kept=tmp_path)
    page = open_page(browser, running.url, "phone")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    page.click("#pause")
    page.wait_for_selector("#state[data-state=paused]", timeout=PATIENCE_MS)
    assert page.inner_text("#pause") == "Resume"
    page.click("#snapshot")
    # It is shown for some seconds only.
    note = "document.getElementById('note').textContent"
    until(page, f"window.kept = window.kept || ({note}.startsWith('Kept as') && {note})")
    (png,) = tmp_path.glob("*.png")
    assert png.name in page.evaluate("window.kept")
    assert cv2.imread(str(png)).shape == (240, 320, 3)
    # What a camera gives meanwhile is counted.
    before = page.evaluate(count_of("dropped"))
    until(page, f"{count_of('dropped')} > {before}")
    second = open_page(browser, running.url)
    second.wait_for_selector("#state[data-state=paused]", timeout=PATIENCE_MS)
    second.click("#pause")
    page.wait_for_selector("#state[data-state=live]", timeout=PATIENCE_MS)
    assert page.inner_text("#pause") == "Pause"
    for button in ("#pause", "#snapshot"):
        assert page.locator(button).bounding_box()["height"] >= 44
    assert no_overflow(page) == []
    assert page.troubles == []
    page.context.close()
    second.context.close()
