"""An ECG's figures and alarms, in a real browser."""

import pytest

from edgecnn.runtime.processor import Result
from tests.web.looking import SIZES, no_overflow, open_page, until

pytestmark = pytest.mark.browser


class Heart:
    """Answers as an ECG's stream does: an alarm rings while the test wants it."""

    title, provider, nodes_on_provider, card = "heart", "cpu", "1/1", {}
    rings = True

    def process(self, frame):
        alarm = {"name": "pause", "title": "no beat", "since_s": 1.0, "value": 3.04, "unit": "s"}
        fields = {
            "heart_rate_bpm": None if self.rings else 71.6,
            "sdnn_ms": 41.2,
            "rmssd_ms": None,
            "pvc_burden_percent": 2.04,
            "alarms": [alarm] if self.rings else [],
            "alarms_held": not self.rings,
        }
        top = (("N", 0.7), ("S", 0.1), ("V", 0.1), ("F", 0.1))
        return Result("N", 0.7, top, fields=fields)

    def finish(self):
        return None


@pytest.mark.parametrize("size", SIZES)
def test_the_figures_and_alarms_of_an_ecg_are_shown(browser, stream, size):
    heart = Heart()
    running = stream("test:digits?size=160x120&fps=30&hold=2", processor=heart)
    page = open_page(browser, running.url, size)
    until(page, "document.querySelectorAll('#alarms li').length == 1")
    assert page.locator("#alarms li").all_inner_texts() == ["no beat"]
    assert page.inner_text("#heart-rate") == "–"
    if size == "desktop":
        # All of it on one screen, while an alarm takes its place, too.
        lowest = page.locator("#model-card summary").bounding_box()
        assert lowest["y"] + lowest["height"] <= SIZES[size][1]
    heart.rings = False
    until(page, "document.querySelectorAll('#alarms li').length == 0")
    assert page.inner_text("#heart-rate") == "72"
    assert "alarms are held" in page.inner_text("#held")
    figures = [page.inner_text(f"#{name}") for name in ("sdnn", "rmssd", "burden")]
    assert figures == ["41", "–", "2.0"]
    assert no_overflow(page) == []
    assert page.troubles == []
    page.context.close()
