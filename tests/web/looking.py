"""A real browser on the live page: what the tests of it share."""

import time

from edgecnn.runtime.processor import Result

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
#: Longer than a browser on a crowded machine ever takes.
PATIENCE_MS = 90_000


def open_page(browser, url, size="desktop", scheme="light"):
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
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


def until(page, expression, seconds=90):
    """Wait for an expression; the page's own rules forbid playwright to compile one in it."""
    limit = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < limit, expression
        page.wait_for_timeout(50)


def count_of(name):
    """Return the expression for a count of the page's ledger."""
    return f"+document.querySelector('[data-count={name}]').textContent.replaceAll(',', '')"


def no_overflow(page):
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter(e => {
            const box = e.getBoundingClientRect();
            return box.width > 0 && box.right > innerWidth + 0.5;
        }).map(e => e.id || e.className)"""
    )


class Labels:
    """Answers with the digit that was drawn, and watches for drift."""

    title, provider, nodes_on_provider, card = "labels", "cpu", "1/1", {}

    def __init__(self, *more):
        self._states = {"brightness": {"state": "ok"}, "confidence": {"state": "alarm"}}
        self._states |= {signal: {"state": "warn"} for signal in more}

    def process(self, frame):
        fields = {"drift": {"state": "alarm", "signals": self._states}}
        others = ((str(digit), 0.01) for digit in range(4))
        return Result(frame.truth, 0.96, ((frame.truth, 0.96), *others), fields=fields)

    def finish(self):
        return None
