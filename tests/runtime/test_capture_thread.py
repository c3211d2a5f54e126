"""Policy, stride and rate, through the pipeline, with a ledger that balances."""

import threading
import time

import pytest

from edgecnn.runtime.intake import Intake
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sources.fault_camera import FaultCamera
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.sources.test_camera import TestCamera


class Slow:
    title, provider, nodes_on_provider, card = "slow", "cpu", "1/1", {}

    def __init__(self, seconds=0.0):
        self._seconds, self.seen = seconds, []

    def process(self, frame):
        self.seen.append(frame.number)
        time.sleep(self._seconds)
        return Result("x", 1.0)

    def finish(self):
        return None


class Balance(Sink):
    def write(self, answer):
        counts = answer.ledger
        parts = counts.processed + counts.dropped + counts.failed + counts.pending
        assert counts.captured == parts


def run(source, seconds=0.0, frames=None, **settings):
    camera = source
    if isinstance(source, str):
        camera = (FaultCamera if source.startswith("fault") else TestCamera)(source)
    slow = Slow(seconds)
    summary = Pipeline(
        camera, slow, [Balance()], frames=frames, settings=SourceSettings(**settings)
    ).run()
    parts = summary.processed + summary.dropped + summary.failed
    assert (summary.captured, summary.pending) == (parts, 0)
    return slow.seen, summary


LIVE, FREE = "test:?size=64x48&fps=200&frames=80", "test:?size=64x48&frames=80&pace=free"


def test_every_frame_of_a_camera_if_asked():
    seen, summary = run(LIVE, 0.01, policy="every")
    assert seen == list(range(80))
    assert summary.dropped == 0


def test_the_newest_frame_of_a_file_if_asked():
    """The first answer takes until all but one have been read."""

    class Awaited(TestCamera):
        last = threading.Event()

        def read(self):
            frame = super().read()
            if frame is not None and frame.number == 79:
                self.last.set()
            return frame

    class Waiting(Slow):
        def process(self, frame):
            assert Awaited.last.wait(60)
            return super().process(frame)

    slow = Waiting()
    settings = SourceSettings(policy="newest")
    summary = Pipeline(Awaited(FREE), slow, [Balance()], settings=settings).run()
    assert summary.captured == 80
    assert 2 <= len(slow.seen) <= 3
    assert slow.seen[-1] == 79
    assert summary.dropped == 80 - len(slow.seen)


@pytest.mark.parametrize("text", [LIVE, FREE])
def test_one_frame_of_several(text):
    seen, summary = run(text, stride=8, policy="every")
    assert seen == list(range(0, 80, 8))
    assert (summary.captured, summary.skipped, summary.dropped) == (80, 70, 70)


def test_a_limit_counts_answers():
    seen, summary = run(FREE, frames=3, stride=8)
    assert seen == [0, 8, 16]
    assert summary.captured == 17


def test_a_file_is_read_no_faster_than_the_rate():
    started = time.monotonic()
    seen, summary = run(FREE, max_fps=40, frames=20)
    assert 0.45 < time.monotonic() - started < 30
    assert (len(seen), summary.dropped) == (20, 0)


def test_a_camera_is_answered_no_more_often_than_the_rate():
    times = []

    class Noting(TestCamera):
        def read(self):
            frame = super().read()
            if frame is not None:
                times.append(frame)
            return frame

    seen, summary = run(Noting(LIVE), max_fps=50, policy="every")
    assert summary.captured == 80
    # However evenly they came.
    intake = Intake(max_fps=50)
    assert seen == [frame.number for frame in times if intake.takes(frame)]
    seconds = (times[-1].captured_ns - times[0].captured_ns) / 1e9
    assert len(seen) <= 50 * seconds + 2


def test_broken_frames_are_told_whatever_the_stride():
    _, summary = run("fault:corrupt=0.5s,end?fps=20&every=1&pace=free&size=64x48", stride=1000)
    assert (summary.processed, summary.failed, summary.skipped) == (1, 10, 39)
