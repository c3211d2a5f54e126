"""Who may look at the page, as a real browser keeps it."""

import pytest

from edgecnn.web.address import Address
from tests.web.looking import PATIENCE_MS

pytestmark = pytest.mark.browser


def test_a_browser_needs_the_token_once(browser, stream):
    url = stream(address=Address("0.0.0.0", 0)).url
    port, token = url.split(":")[2].split("/?token=")
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
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
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto("data:text/html,<p>elsewhere")
    answer = page.evaluate(
        """async (url) => { try { return await (await fetch(url + "figures")).text() }
                           catch (error) { return "refused" } }""",
        url,
    )
    assert answer == "refused"
    context.close()
