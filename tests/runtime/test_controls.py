"""A running stream is paused and told its losses: real threads, real queues."""

import threading

import pytest

from edgecnn.runtime.controls import Controls
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sources.test_camera import TestCamera

#: How often a pipeline idles, at least a tenth of a second each time, before it goes on; in all
#: longer than its source may stall, which is longer than a busy machine holds up a camera.
IDLES, STALL_S = 25, 2.0


class Seen:
    title, provider, nodes_on_provider, card = "seen", "cpu", "1/1", {}

    def process(self, frame):
        return Result("seen", 1.0)

    def finish(self):
        return None


class PauseAt(Sink):
    """Pauses at its third answer, and hears how long the stream idles."""

    def __init__(self, controls):
        self.controls, self.numbers, self.idled = controls, [], 0
        self.stream = None

    def open(self, stream):
        self.stream = stream

    def write(self, answer):
        self.numbers.append(answer.frame.number)
        if len(self.numbers) == 3:
            self.controls.paused = True

    def idle(self):
        self.idled += 1
        if self.controls.paused and self.idled == IDLES:
            self.during = self.stream.counts()
            self.controls.paused = False


@pytest.mark.parametrize("pace", ["live", "free"])
def test_a_paused_stream_answers_nothing_and_its_books_balance(pace):
    controls = Controls()
    sink = PauseAt(controls)
    camera = TestCamera(f"test:?size=32x32&fps=50&frames=150&pace={pace}")
    # A pause is no stall.
    summary = Pipeline(camera, Seen(), [sink], stall_s=STALL_S, controls=controls).run()
    assert sink.idled >= IDLES
    assert sink.during.processed == 3
    assert summary.captured == 150
    if pace == "free":
        assert sink.numbers == list(range(150))
    else:
        assert sink.numbers[3] - sink.numbers[2] >= 15
        assert summary.dropped >= 15
    assert summary.captured == summary.processed + summary.dropped


def test_what_a_full_queue_lost_is_in_the_summary_by_its_name():
    more = threading.Event()

    class Stuck(Sink):
        def write(self, answer):
            more.wait(30)

    class Last(Sink):
        def write(self, answer):
            if answer.frame.number == 9:
                more.set()

    stuck = Background(Stuck(), room=2, may_lose=True, name="slow disk")
    camera = TestCamera("test:?size=32x32&frames=10&pace=free")
    summary = Pipeline(camera, Seen(), [stuck, Last()]).run()
    # Two that there was room for, and one in hand if it was taken by then.
    assert summary.sinks in ({"slow disk": 7}, {"slow disk": 8})
