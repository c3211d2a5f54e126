import re
import threading
import time

import numpy as np
import pytest

from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.base import Reopens
from edgecnn.runtime.sources.reopening import Reopening


class Flaky:
    """Follows a script: a shape is a frame, an error is raised by read; `refuse` opens fail."""

    description, fps = "flaky (4x4)", 30.0

    def __init__(self, script, *, live=True, refuse=0):
        self.live = live
        self._script, self._refuse = list(script), refuse
        self.opened = self.closed = 0

    def open(self):
        self.opened += 1
        if self.opened > 1 and self._refuse:
            self._refuse -= 1
            raise SourceError("still away")

    def read(self):
        what = self._script.pop(0) if self._script else None
        if isinstance(what, Exception):
            raise what
        return what and Frame("flaky", 0, time.monotonic_ns(), np.zeros(what, np.uint8))

    def close(self):
        self.closed += 1


SMALL, LARGE, LOST = (4, 4, 3), (8, 16, 3), SourceError("gone")


def _source(script, give_up_s=60.0, refuse=0, **options):
    said = []
    flaky = Flaky(script, refuse=refuse, live=options.pop("live", True))
    source = Reopening(flaky, give_up_s=give_up_s, say=said.append, **options)
    source.open()
    return source, flaky, said


def test_it_goes_on_where_it_was_after_a_fault():
    source, flaky, said = _source([SMALL, SMALL, LOST, LARGE, SMALL], refuse=2)
    assert isinstance(source, Reopens)
    frames = [source.read() for _ in range(5)]
    assert [f.number for f in frames] == [0, 1, 2, 3, 4]
    assert [f.fault for f in frames] == ["", "", "gone", "", ""]
    assert frames[3].data.shape == LARGE
    assert flaky.opened == 4
    assert flaky.closed == 3
    assert said[0] == "gone; trying to open it again"
    assert re.fullmatch(r"flaky is back after \d+\.\d s, now 16x8", said[1])
    assert len(said) == 2
    assert source.read() is None


def test_that_it_opens_is_not_enough():
    source, flaky, said = _source([SMALL, LOST, LOST, LOST, SMALL])
    frames = [source.read() for _ in range(3)]
    assert [f.fault for f in frames] == ["", "gone", ""]
    assert len(said) == 2
    assert flaky.opened == 4


def test_the_first_opening_must_work():
    class Absent(Flaky):
        def open(self):
            raise SourceError("no such camera")

    with pytest.raises(SourceError, match="no such camera"):
        Reopening(Absent([]), give_up_s=60).open()


def test_it_gives_up_in_time():
    source, _, said = _source([SMALL, LOST], give_up_s=0.5, refuse=1000)
    source.read(), source.read()
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"did not come back within \d+ s: still away"):
        source.read()
    assert 0.4 < time.monotonic() - started < 30
    assert len(said) == 1


@pytest.mark.parametrize(("give_up_s", "live"), [(0, True), (60, False)])
def test_the_error_is_passed_on_where_nothing_is_to_be_opened_again(give_up_s, live):
    source, flaky, said = _source([LOST], give_up_s=give_up_s, live=live)
    with pytest.raises(SourceError, match="gone"):
        source.read()
    assert (flaky.opened, said) == (1, [])


def test_other_errors_are_passed_on():
    source, _, _ = _source([UsageError("wrong")])
    with pytest.raises(UsageError):
        source.read()


def test_a_wait_can_be_interrupted():
    source, _, _ = _source([LOST], give_up_s=float("inf"), refuse=10**9)
    source.read()
    source._backoff._next_s = 240.0  # as after minutes without it
    started = time.monotonic()
    threading.Timer(0.2, source.interrupt).start()
    assert source.read() is None
    assert time.monotonic() - started < 60


def test_a_sign_that_it_is_back_ends_a_long_wait():
    back = threading.Event()
    source, flaky, _ = _source([SMALL, LOST, SMALL], reachable=back.is_set)
    source.read(), source.read()
    source._backoff._next_s = 240.0  # as after minutes without it
    started = time.monotonic()
    threading.Timer(0.8, back.set).start()
    assert source.read().number == 2
    assert 0.8 <= time.monotonic() - started < 60
    assert flaky.opened == 2


def test_that_it_can_be_reached_all_the_time_is_no_sign():
    source, flaky, _ = _source([SMALL, LOST], reachable=lambda: True)
    source.read(), source.read()
    source._backoff._next_s = 60.0
    threading.Timer(1.5, source.interrupt).start()
    assert source.read() is None
    assert flaky.opened == 1
