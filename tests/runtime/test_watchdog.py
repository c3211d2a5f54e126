"""Stages that hang: a read that never returns, a write, a model's call."""

import threading
import time

import numpy as np
import pytest

from edgecnn.errors import EdgeCNNError, ModelError, SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.watchdog import Patience

#: How long a stage may take here. Long beside what a busy machine may hold up a thread that does
#: not hang: such a one would be taken for another that does.
LIMIT_S = 2.0


class Camera:
    """Gives ``count`` frames and then hangs, until the test is over."""

    description, live, fps = "camera", True, None
    never = threading.Event()

    def __init__(self, count, *, end=False, openings=0):
        self._count, self._end, self._openings = count, end, openings
        self.given = self.closed = 0
        self.last_ns = 0

    def open(self):
        if self._openings:
            self._openings -= 1
            raise SourceError("the device is busy")

    def read(self):
        if self.given == self._count:
            if self._end:
                return None
            self.never.wait(60)
        time.sleep(0.002)
        self.given += 1
        self.last_ns = time.monotonic_ns()
        data = np.full((4, 4, 3), self.given % 250, np.uint8)
        return Frame("camera", self.given - 1, time.monotonic_ns(), data)

    def close(self):
        self.closed += 1


class Model:
    title, provider, nodes_on_provider, card = "model", "cpu", "1/1", {}

    def process(self, frame):
        return Result(str(frame.number), 1.0)

    def finish(self):
        return None


class Keep(Sink):
    def __init__(self):
        self.answers, self.summary, self.closed = [], None, 0

    def open(self, stream):
        self.stream = stream

    def write(self, answer):
        self.answers.append(answer)

    def close(self, summary):
        self.closed, self.summary = self.closed + 1, summary


@pytest.fixture(autouse=True)
def never(monkeypatch):
    """What hangs comes back when the test is over."""
    event = threading.Event()
    monkeypatch.setattr(Camera, "never", event)
    yield event
    event.set()


def _balances(summary):
    done = summary.processed + summary.dropped + summary.failed
    return summary.captured == done and summary.pending == 0


def test_a_read_that_hangs_is_reported_in_time_and_the_source_is_read_anew():
    first, second = Camera(5), Camera(7, end=True)
    said, keep = [], Keep()
    pipeline = Pipeline(
        first,
        Model(),
        [keep],
        stall_s=LIMIT_S,
        renew=lambda: second,
        say=lambda text: said.append((time.monotonic_ns(), text)),
    )
    summary = pipeline.run()
    ((when_ns, text),) = said
    assert text == "camera hangs: nothing for 2 s; restarted"
    # What hangs would come back after a minute by itself.
    assert LIMIT_S <= (when_ns - first.last_ns) / 1e9 <= 30
    assert summary.ended == "end of source"
    assert (summary.stalls, summary.restarts) == ({"capture": 1}, 1)
    assert _balances(summary)
    assert summary.captured == 12
    numbers = [answer.frame.number for answer in keep.answers]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 11
    assert keep.stream.stalls() == {"capture": 1}


def test_a_stream_that_is_given_up_is_told_once_whatever_its_name():
    camera = Camera(2)
    camera.description = "camera; door"
    with pytest.raises(SourceError) as caught:
        Pipeline(camera, Model(), [], stall_s=LIMIT_S).run()
    assert caught.value.message == "camera; door stalled: no frame for 2 s"


def test_what_a_thread_that_was_replaced_reads_later_goes_nowhere(never):
    first = Camera(3)

    class Second(Camera):
        def read(self):
            if self.given == 2:
                # The first comes back now, with a frame and then more.
                never.set()
                first_thread.join(30)
                assert first.given >= 4
            return super().read()

    pipeline = Pipeline(first, Model(), [], stall_s=LIMIT_S, renew=lambda: Second(4, end=True))
    first_thread = pipeline._capture._thread
    summary = pipeline.run()
    assert summary.captured == 3 + 4
    assert _balances(summary)
    assert first.closed == 1


def test_a_device_that_the_hanging_thread_still_holds_is_opened_when_it_is_free():
    second = Camera(2, end=True, openings=1)
    pipeline = Pipeline(Camera(2), Model(), [], stall_s=LIMIT_S, renew=lambda: second)
    assert pipeline.run().captured == 4


def test_a_source_that_hangs_again_and_again_is_given_up():
    made, said, keep = [], [], Keep()

    def renew():
        made.append(Camera(1))
        return made[-1]

    patience = Patience(restarts=2, within_s=60)
    pipeline = Pipeline(
        Camera(1), Model(), [keep], stall_s=LIMIT_S, renew=renew, patience=patience, say=said.append
    )
    with pytest.raises(SourceError) as caught:
        pipeline.run()
    assert caught.value.message == (
        "camera stalled: no frame for 2 s; given up after 2 restarts within 60 s"
    )
    assert len(made) == len(said) == 2
    assert keep.summary.ended == caught.value.message
    assert keep.summary.stalls == {"capture": 3}
    assert _balances(keep.summary)


def test_an_opening_that_hangs_is_an_error_in_time():
    class Closed(Camera):
        def open(self):
            self.never.wait(60)

    started = time.monotonic()
    with pytest.raises(SourceError, match=r"camera did not open within 0\.3 s"):
        Pipeline(Closed(1), Model(), [], open_s=0.3, renew=lambda: Camera(1)).run()
    assert time.monotonic() - started < 30


class Stuck(Keep):
    """Hangs in its third write; ``fresh`` takes over."""

    def __init__(self, never, fresh=None):
        super().__init__()
        self._never, self._fresh = never, fresh

    def write(self, answer):
        if len(self.answers) == 2:
            self._never.wait(60)
        super().write(answer)

    def renew(self):
        return self._fresh


@pytest.mark.parametrize("live", [True, False])
def test_another_sink_takes_over_from_one_that_hangs(never, live, monkeypatch):
    monkeypatch.setattr(Camera, "live", live)
    fresh, said, told = Keep(), [], threading.Event()

    class Lasting(Camera):
        def read(self):
            if self.given == self._count - 1:
                assert told.wait(60)
            return super().read()

    def say(text):
        said.append(text)
        told.set()

    stuck = Stuck(never, fresh)
    queue = Background(stuck, room=2, name="disk")
    patience = Patience(stage_s=LIMIT_S)
    camera = Lasting(50, end=True)
    pipeline = Pipeline(camera, Model(), [queue], patience=patience, say=say, stall_s=60)
    summary = pipeline.run()
    assert said == ["sink disk hangs: nothing for 2 s; restarted"]
    assert (summary.stalls, summary.restarts) == ({"disk": 1}, 1)
    assert fresh.summary is summary or fresh.summary == summary
    assert fresh.answers[-1].frame.number == 49
    if not live:
        # All but the one that it hung with.
        assert len(stuck.answers) + len(fresh.answers) == 49
        assert queue.lost == 1
    never.set()
    pipeline._watchdog.join(30)
    for thread in threading.enumerate():
        if thread.name == "Stuck sink":
            thread.join(30)
    assert stuck.closed == 1


@pytest.mark.parametrize("live", [True, False])
def test_a_sink_that_hangs_and_has_no_successor_ends_the_stream(never, live, monkeypatch):
    monkeypatch.setattr(Camera, "live", live)
    keep, stuck = Keep(), Stuck(never)
    sinks = [keep, Background(stuck, room=2, name="disk")]
    started = time.monotonic()
    with pytest.raises(EdgeCNNError, match="sink disk hangs: nothing for 2 s"):
        Pipeline(Camera(10_000), Model(), sinks, patience=Patience(stage_s=LIMIT_S)).run()
    assert time.monotonic() - started < 30
    assert (keep.closed, stuck.closed) == (1, 0)
    assert keep.summary.stalls == {"disk": 1}
    assert _balances(keep.summary)


def test_a_stream_that_is_stopped_while_its_sink_hangs_ends(never):
    stuck = Stuck(never)
    pipeline = Pipeline(
        Camera(5, end=True),
        Model(),
        [Background(stuck, name="disk")],
        patience=Patience(stage_s=LIMIT_S),
    )
    with pytest.raises(EdgeCNNError, match="sink disk hangs"):
        pipeline.run()


def test_a_models_call_that_hangs_is_cancelled_and_the_frame_has_failed():
    cancelled = threading.Event()

    class Hangs(Model):
        def process(self, frame):
            if frame.number == 2:
                assert cancelled.wait(30)
                raise ModelError("it took too long")
            return super().process(frame)

    class File(Camera):
        live = False

    said, keep = [], Keep()
    summary = Pipeline(
        File(5, end=True),
        Hangs(),
        [keep],
        patience=Patience(stage_s=LIMIT_S),
        cancel=cancelled.set,
        say=said.append,
    ).run()
    assert said == ["model model hangs: nothing for 2 s; restarted"]
    assert [answer.result.state for answer in keep.answers] == ["ok", "ok", "unknown", "ok", "ok"]
    assert (summary.failed, summary.stalls) == (1, {"process": 1})


def test_a_models_call_that_cannot_be_cancelled_ends_the_process_with_closed_files(never):
    class Hangs(Model):
        def process(self, frame):
            if frame.number == 3:
                never.wait(60)
            return super().process(frame)

    class File(Camera):
        live = False

    left, inner, outer = [], Keep(), Keep()
    gone = threading.Event()

    def leave(error):
        left.append((error, inner.closed, outer.closed))
        gone.set()

    pipeline = Pipeline(
        File(50, end=True),
        Hangs(),
        [outer, Background(inner, name="disk")],
        patience=Patience(stage_s=LIMIT_S),
        cancel=lambda: None,
        leave=leave,
    )
    thread = threading.Thread(target=pipeline.run, daemon=True)
    thread.start()
    assert gone.wait(30)
    ((error, *closed),) = left
    assert error.message == "model model hangs: nothing for 2 s"
    assert closed == [1, 1]
    assert outer.summary.ended == error.message
    assert _balances(outer.summary)
    assert (outer.summary.processed, outer.summary.failed) == (3, 1)
