"""A browser, and streams whose page it opens."""

import dataclasses
import threading
import time

import pytest

from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.label_colours import page_colours
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.snapshot import Snapshots
from edgecnn.runtime.sinks.web import WebPage
from edgecnn.runtime.sources.browser import BrowserCamera
from edgecnn.runtime.sources.registry import open_source
from edgecnn.runtime.watchdog import Patience
from edgecnn.web.address import Address
from tests.browser import WITH_CAMERA


# Not for the session: while one of its loops runs, Playwright starts no other in the same process.
@pytest.fixture(scope="module")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=WITH_CAMERA)
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
        labels=(),
    ):
        announced = []
        source = open_source(text)
        camera = source if isinstance(source, BrowserCamera) else None
        page = WebPage(
            address, announced.append, camera=camera, tls=tls, colours=page_colours(labels)
        )
        sinks = [Background(page, room=1, may_lose=True, name="page")]
        if kept is not None:
            sinks.append(Snapshots(kept))
        model = load_model(picture_model, provider="cpu", spinning=False)
        # What stands still here does so until a browser on a crowded machine has seen it.
        patience = Patience(stage_s=600)
        pipeline = Pipeline(
            source, processor or ImageProcessor(model), sinks, stall_s=600, patience=patience
        )
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
