import threading
import time

import pytest

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink


class _Slow(Sink):
    def __init__(self, seconds=0.0, error=None):
        self.seen, self.seconds, self.error = [], seconds, error
        self.closed = None

    def write(self, answer):
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.seen.append(answer.frame.number)

    def close(self, summary):
        self.closed = summary


def test_a_slow_sink_in_the_background_does_not_hold_up_a_live_stream(
    make_answer, make_stream, summary
):
    given = threading.Event()

    class Stuck(_Slow):
        def write(self, answer):
            assert given.wait(30), "the stream waits for its sink"
            super().write(answer)

    slow = Stuck()
    sink = Background(slow, room=2)
    sink.open(make_stream(live=True))
    for number in range(50):
        sink.write(make_answer(number))
    given.set()
    sink.close(summary)
    assert slow.seen[-1] == 49
    # Those that there was room for, and one in hand.
    assert sink.lost == 50 - len(slow.seen) >= 47
    assert slow.closed is summary


def test_a_slow_sink_in_the_background_gets_everything_of_a_file(make_answer, make_stream, summary):
    slow = _Slow(0.002)
    sink = Background(slow, room=2)
    sink.open(make_stream(live=False))
    for number in range(50):
        sink.write(make_answer(number))
    sink.close(summary)
    assert slow.seen == list(range(50))
    assert sink.lost == 0


def test_an_error_in_the_background_is_raised_in_the_pipeline(make_answer, make_stream, summary):
    slow = _Slow(error=EdgeCNNError("disk full"))
    sink = Background(slow)
    sink.open(make_stream())
    sink.write(make_answer())
    sink._worker.join(30)
    with pytest.raises(EdgeCNNError, match="disk full"):
        sink.idle()
    sink.close(summary)
    assert slow.closed is summary


def test_a_sink_that_hangs_at_the_end_is_left_after_its_time(make_answer, make_stream, summary):
    given, begun = threading.Event(), threading.Event()

    class Stuck(_Slow):
        def write(self, answer):
            begun.set()
            given.wait(30)

    stuck = Stuck()
    sink = Background(stuck, room=4, drain_s=0.05, name="far away")
    sink.open(make_stream())
    for number in range(3):
        sink.write(make_answer(number))
    assert begun.wait(30)
    with pytest.raises(EdgeCNNError, match=r"far away did not take .* within 0.05 s: 3 lost"):
        sink.close(summary)
    assert sink.lost == 3
    assert stuck.closed is None
    given.set()
