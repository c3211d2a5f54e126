"""A browser's camera as a source: pictures that are pushed, newest first, none trusted."""

import struct
import threading
import time

import cv2
import numpy as np
import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.sources.base import Reopens
from edgecnn.runtime.sources.browser import BrowserCamera
from edgecnn.runtime.sources.jpeg_size import jpeg_size
from edgecnn.runtime.sources.registry import open_source


def _jpeg(height=48, width=64, value=90, *options):
    picture = np.full((height, width, 3), value, np.uint8)
    return cv2.imencode(".jpg", picture, list(options))[1].tobytes()


def test_the_newest_picture_is_given():
    camera = open_source("browser:?size=320&fps=5")
    assert camera.wishes == {"size": 320, "fps": 5.0}
    camera.open()
    before = time.monotonic_ns()
    camera.offer(_jpeg(value=10))
    camera.offer(_jpeg(value=200))
    frame = camera.read()
    assert frame.data.shape == (48, 64, 3)
    assert abs(int(frame.data.mean()) - 200) < 3
    assert before < frame.captured_ns < time.monotonic_ns()
    camera.offer(_jpeg(height=30))
    second = camera.read()
    assert (second.number, second.data.shape) == (1, (30, 64, 3))


def _with_size(jpeg, width, height):
    at = next(i for i in range(len(jpeg)) if jpeg[i] == 0xFF and jpeg[i + 1] in (0xC0, 0xC2))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8", b"GIF89a", _jpeg()[:-40], _jpeg()[:60], b"\xff\xd8" + b"\xff\xd9" * 9],
)
def test_what_is_no_picture_is_a_frame_with_a_fault(data):
    camera = BrowserCamera()
    camera.open()
    camera.offer(data)
    frame = camera.read()
    assert frame.fault == "the browser sent no whole JPEG"
    assert frame.data.size == 0


def test_a_small_file_that_unpacks_to_gigabytes_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    camera = BrowserCamera()
    camera.open()
    camera.offer(_with_size(_jpeg(), 60000, 60000))
    assert camera.read().fault == "a picture of 60000x60000 is too large"


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_jpegs_size_is_read_from_its_head(progressive):
    data = _jpeg(123, 457, 9, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive)
    assert jpeg_size(data) == (457, 123)
    for length in range(0, 160, 7):
        assert jpeg_size(data[:length]) in (None, (457, 123))


def test_waiting_for_a_browser_is_no_stall_and_can_be_ended():
    class Seen:
        title, provider, nodes_on_provider, card = "m", "cpu", "1/1", {}
        there = threading.Event()

        def process(self, frame):
            self.there.set()
            return Result("seen", 1.0)

        def finish(self):
            return None

    camera, seen, done = BrowserCamera(), Seen(), []
    assert isinstance(camera, Reopens)
    pipeline = Pipeline(camera, seen, stall_s=0.2)
    thread = threading.Thread(target=lambda: done.append(pipeline.run()))
    thread.start()
    time.sleep(0.5)
    camera.offer(_jpeg())
    assert seen.there.wait(20)
    pipeline.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert (done[0].captured, done[0].processed) == (1, 1)
    # The thread that waited for the next picture has ended too.
    limit = time.monotonic() + 30
    while any(each.name == "capture" for each in threading.enumerate()):
        assert time.monotonic() < limit


@pytest.mark.parametrize(
    "text", ["browser:front", "browser:?fps=100", "browser:?size=9", "browser:?x=1"]
)
def test_what_it_cannot_be_is_wrong_usage(text):
    with pytest.raises(UsageError):
        open_source(text)
