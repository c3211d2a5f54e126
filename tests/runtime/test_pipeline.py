import threading
import time

import numpy as np
import pytest

from edgecnn.errors import EdgeCNNError, ImageError, SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.sinks.base import Sink


class NumberingSource:
    """Gives numbered frames, live or not, and counts for itself what it gave."""

    description = "numbers"

    def __init__(self, count, *, live, interval_s=0.0, faults=(), error=None, equal=()):
        self.live, self.fps = live, None
        self._count, self._interval_s = count, interval_s
        self._faults, self._error, self._equal = set(faults), error, set(equal)
        self.given = 0
        self.opened = self.closed = 0
        self.hang = threading.Event()

    def open(self):
        self.opened += 1

    def read(self):
        if self._interval_s:
            time.sleep(self._interval_s)
        if self.given >= self._count:
            if isinstance(self._error, Exception):
                raise self._error
            if self._error == "hang":
                self.hang.wait(30)
            return None
        number = self.given
        self.given += 1
        value = number - 1 if number in self._equal else number
        data = np.full((4, 4, 3), value % 251, np.uint8)
        fault = "broken on purpose" if number in self._faults else ""
        return Frame("numbers", number, time.monotonic_ns(), data, fault=fault)

    def close(self):
        self.closed += 1


class SlowProcessor:
    title, provider, nodes_on_provider, card = "slow", "cpu", "1/1", {}

    def __init__(self, seconds=0.0, refuse=(), last=None):
        self._seconds, self._refuse, self._last = seconds, set(refuse), last
        self.seen = []

    def process(self, frame):
        self.seen.append(frame.number)
        if self._seconds:
            time.sleep(self._seconds)
        if frame.number in self._refuse:
            raise ImageError(f"frame {frame.number} refused")
        return Result(str(frame.number), 1.0)

    def finish(self):
        return self._last


class Keep(Sink):
    def __init__(self, *, fail_at=None, fail_with=None, stop_at=None):
        self.answers, self.summary, self.closed, self.stream = [], None, 0, None
        self._fail_at, self._fail_with, self._stop_at = fail_at, fail_with, stop_at

    def open(self, stream):
        self.stream = stream

    def write(self, answer):
        if len(self.answers) == self._fail_at:
            raise self._fail_with
        self.answers.append(answer)
        if len(self.answers) == self._stop_at:
            self.stream.stop("enough")

    def close(self, summary):
        self.closed += 1
        self.summary = summary


def _balances(counts):
    parts = counts.processed + counts.dropped + counts.failed + counts.pending
    return counts.captured == parts and counts.pending >= 0


class InTens(NumberingSource):
    """A live source that gives its frames in tens, each after a permission."""

    def __init__(self, count):
        super().__init__(count, live=True)
        self._permissions = threading.Semaphore(0)
        self._waits = threading.Event()

    def read(self):
        if self.given and self.given % 10 == 0 and self.given < self._count:
            # Whoever asks for the next frame has put the last one where it belongs.
            self._waits.set()
            assert self._permissions.acquire(timeout=240)
        elif self.given >= self._count:
            self._waits.set()
        return super().read()

    def give_ten(self):
        """Return when ten more are given, or the last one was."""
        assert self._waits.wait(60)
        if self.given < self._count:
            self._waits.clear()
            self._permissions.release()
            assert self._waits.wait(60)


def test_a_slow_model_on_a_live_source_gets_the_newest_frame_each_time():
    """Ten frames come while it works on one."""

    class AsSlowAsTen(SlowProcessor):
        def process(self, frame):
            source.give_ten()
            return super().process(frame)

    source, processor, keep = InTens(120), AsSlowAsTen(), Keep()
    summary = Pipeline(source, processor, [keep]).run()
    # The first is one of the first ten; then the newest each time, the last one among them.
    assert processor.seen[0] < 10
    assert processor.seen[1:] == list(range(19, 120, 10))
    assert summary.captured == source.given == 120
    assert summary.processed == len(processor.seen)
    assert summary.dropped == 120 - len(processor.seen)


def test_a_slow_model_on_a_file_gets_every_frame():
    source = NumberingSource(40, live=False)
    processor, keep = SlowProcessor(0.003), Keep()
    summary = Pipeline(source, processor, [keep]).run()
    assert processor.seen == list(range(40))
    assert (summary.captured, summary.processed, summary.dropped) == (40, 40, 0)
    assert summary.ended == "end of source"
    assert source.opened == source.closed == 1


@pytest.mark.parametrize("live", [True, False])
def test_the_ledger_balances_in_every_answer(live):
    source = NumberingSource(
        150, live=live, interval_s=0.001 if live else 0, faults=range(0, 150, 7)
    )
    keep = Keep()
    # The last one is answered in any case, however many are dropped.
    refusing = SlowProcessor(0.003, refuse=[*range(0, 150, 5), 149])
    summary = Pipeline(source, refusing, [keep]).run()
    assert all(_balances(answer.ledger) for answer in keep.answers)
    done = [answer.ledger.processed + answer.ledger.failed for answer in keep.answers]
    assert done == list(range(1, len(done) + 1))
    assert _balances(summary)
    assert summary.pending == 0
    assert summary.captured == source.given == 150
    states = [answer.result.state for answer in keep.answers]
    assert summary.failed == states.count("unknown") > 0
    assert summary.processed == states.count("ok")


def test_a_frame_that_cannot_be_answered_is_unknown_with_its_reason():
    keep = Keep()
    source = NumberingSource(4, live=False, faults=[1])
    summary = Pipeline(source, SlowProcessor(refuse=[2]), [keep]).run()
    rows = [answer.row() for answer in keep.answers]
    assert [row["state"] for row in rows] == ["ok", "unknown", "unknown", "ok"]
    assert [row["label"] for row in rows] == ["0", "unknown", "unknown", "3"]
    assert [row["reason"] for row in rows] == ["", "broken on purpose", "frame 2 refused", ""]
    assert (summary.processed, summary.failed) == (2, 2)


def test_frames_limit_reads_no_more_of_a_file_than_it_answers():
    source = NumberingSource(100, live=False)
    summary = Pipeline(source, SlowProcessor(), [], frames=7).run()
    assert (summary.captured, summary.processed, summary.dropped) == (7, 7, 0)
    assert source.given == 7
    assert summary.ended == "frames"


def test_frames_limit_on_a_live_source_counts_answers():
    source = NumberingSource(10_000, live=True, interval_s=0.001)
    summary = Pipeline(source, SlowProcessor(0.004), [], frames=5).run()
    assert summary.processed == 5
    assert _balances(summary)
    assert summary.captured == source.given


def test_a_sink_can_end_the_stream():
    keep = Keep(stop_at=3)
    source = NumberingSource(10_000, live=True, interval_s=0.001)
    summary = Pipeline(source, SlowProcessor(), [keep]).run()
    assert len(keep.answers) == 3
    assert summary.ended == keep.summary.ended == "enough"
    assert source.closed == 1


def test_a_broken_pipe_closes_every_sink_and_is_passed_on():
    first, broken = Keep(), Keep(fail_at=2, fail_with=BrokenPipeError())
    source = NumberingSource(10_000, live=True, interval_s=0.001)
    with pytest.raises(BrokenPipeError):
        Pipeline(source, SlowProcessor(), [first, broken]).run()
    assert first.closed == broken.closed == source.closed == 1
    assert first.summary.pending == 0


def test_a_live_source_that_ends_is_an_error_after_the_summary():
    keep = Keep()
    source = NumberingSource(5, live=True, interval_s=0.01, error=SourceError("unplugged"))
    with pytest.raises(SourceError, match="unplugged"):
        Pipeline(source, SlowProcessor(), [keep]).run()
    assert keep.answers[-1].frame.number == 4
    assert keep.summary.ended == "unplugged"
    assert keep.summary.pending == 0


def test_a_source_that_stalls_is_an_error_in_time():
    keep = Keep()
    source = NumberingSource(5, live=True, interval_s=0.01, error="hang")
    started = time.monotonic()
    try:
        with pytest.raises(SourceError, match="stalled"):
            Pipeline(source, SlowProcessor(), [keep], stall_s=0.5).run()
    finally:
        source.hang.set()
    # Half a second, and two for the capture thread; a source that is waited for takes 30.
    assert time.monotonic() - started < 20
    assert keep.summary.processed >= 1


def test_a_source_that_cannot_be_opened_opens_no_sink():
    class Absent(NumberingSource):
        def open(self):
            raise SourceError("not there")

    keep = Keep()
    with pytest.raises(SourceError, match="not there"):
        Pipeline(Absent(1, live=True), SlowProcessor(), [keep]).run()
    assert keep.closed == 0
    assert keep.stream is None


def test_a_sink_that_cannot_be_opened_leaves_the_others_without_a_summary():
    class Absent(Keep):
        def open(self, stream):
            raise EdgeCNNError("no room")

    keep, absent, source = Keep(), Absent(), NumberingSource(3, live=False)
    with pytest.raises(EdgeCNNError, match="no room"):
        Pipeline(source, SlowProcessor(), [keep, absent]).run()
    assert (keep.closed, keep.summary, keep.answers) == (1, None, [])
    assert source.given == 0
    assert source.closed == 1


def test_sinks_get_turns_while_no_frame_comes():
    """A window must react to keys although the camera hangs."""

    class Key(Keep):
        turns = 0

        def idle(self):
            self.turns += 1
            if self.turns == 3:
                self.stream.stop("key pressed")

    sink = Key()
    source = NumberingSource(1, live=True, error="hang")
    summary = Pipeline(source, SlowProcessor(), [sink], stall_s=60).run()
    source.hang.set()
    assert summary.ended == "key pressed"
    assert sink.turns == 3
    assert len(sink.answers) == 1


def test_opening_may_be_interrupted():
    class Slow(NumberingSource):
        def open(self):
            self.hang.wait(30)

    source = Slow(1, live=True)
    pipeline = Pipeline(source, SlowProcessor(), [])
    threading.Timer(0.2, pipeline.stop, ["interrupted"]).start()
    started = time.monotonic()
    summary = pipeline.run()
    source.hang.set()
    assert summary.ended == "interrupted"
    assert summary.captured == 0
    assert time.monotonic() - started < 20


def test_a_programming_error_in_a_processor_is_not_swallowed():
    class Wrong(SlowProcessor):
        def process(self, frame):
            raise ZeroDivisionError

    keep = Keep()
    with pytest.raises(ZeroDivisionError):
        Pipeline(NumberingSource(3, live=False), Wrong(), [keep]).run()
    assert keep.closed == 1


def test_what_a_processor_says_last_reaches_the_sinks():
    keep = Keep()
    Pipeline(NumberingSource(3, live=False), SlowProcessor(last=Result("last", 0.5)), [keep]).run()
    assert [answer.result.label for answer in keep.answers] == ["0", "1", "2", "last"]
    assert keep.answers[-1].frame.number == 2


def test_equal_frames_of_a_live_source_are_counted_as_duplicates():
    source = NumberingSource(30, live=True, interval_s=0.002, equal=[5, 20])
    summary = Pipeline(source, SlowProcessor(), []).run()
    assert summary.duplicates == 2


@pytest.mark.parametrize("seconds", [0.0, 0.02], ids=["before the end", "after the end"])
def test_a_file_that_ends_is_not_waited_for(seconds, monkeypatch):
    """Whether the last frame is answered before the end is known or after it."""
    monkeypatch.setattr("edgecnn.runtime.pipeline._POLL_S", 60)
    started = time.monotonic()
    Pipeline(
        NumberingSource(3, live=False, interval_s=0.02 - seconds), SlowProcessor(seconds)
    ).run()
    assert time.monotonic() - started < 30


def test_the_summary_has_the_agreed_keys():
    import dataclasses

    summary = Pipeline(NumberingSource(3, live=False), SlowProcessor(0.002), []).run()
    row = dataclasses.asdict(summary)
    wanted = "captured processed dropped failed pending duplicates fps latency_ms provider"
    assert {*wanted.split(), "nodes_on_provider"} <= set(row)
    assert set(row["latency_ms"]) == {"p50", "p95", "p99"}
    assert row["latency_ms"]["p50"] >= 2.0


def test_stopping_twice_keeps_the_first_reason():
    pipeline = Pipeline(NumberingSource(3, live=False), SlowProcessor(), [])
    pipeline.stop("first")
    pipeline.stop("second")
    assert pipeline.run().ended == "first"
