"""The whole engine on a stream that the tests let fail, and who watches it."""

from __future__ import annotations

import threading
import time

from edgecnn.errors import SourceError
from edgecnn.runtime.pipeline import Pipeline
from edgecnn.runtime.processor import Result
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sources.registry import open_lasting
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.sources.timecode import read_timecode

#: Long beside what a busy machine may hold up the camera, which the tests run too.
READ_S, OPEN_S = 2.0, 3.0
#: Within so long comes what comes at all.
WAIT_S = 60


class Label:
    title, provider, nodes_on_provider, card = "label", "cpu", "1/1", {}

    def process(self, frame):
        code = read_timecode(frame.data)
        return Result(str(code.frame) if code else "damaged", 1.0)

    def finish(self):
        return None


class Watch(Sink):
    """Keeps every answer with its time, and lets a test wait for one."""

    def __init__(self):
        self.rows, self.summary = [], None
        self._changed = threading.Condition()

    def open(self, stream):
        self.stop = stream.stop

    def write(self, answer):
        with self._changed:
            self.rows.append((time.monotonic(), answer.row(), answer.frame.data.shape))
            self._changed.notify_all()

    def close(self, summary):
        self.summary = summary

    def wait(self, matches, timeout_s=WAIT_S):
        """Wait for a new row that matches; return when it came."""
        with self._changed:
            start = len(self.rows)
            assert self._changed.wait_for(
                lambda: any(matches(row) for _, row, _ in self.rows[start:]), timeout_s
            )
            return next(when for when, row, _ in self.rows[start:] if matches(row))


class Engine:
    """Runs a stream's engine on a thread until the test is over."""

    def __init__(self, url, **options):
        self.said, self.sink = [], Watch()
        settings = SourceSettings(**{"open_s": OPEN_S, "read_s": READ_S, **options})
        self.source = open_lasting(url, settings, self.said.append)
        pipeline = Pipeline(self.source, Label(), [self.sink])
        self.thread = threading.Thread(target=_run, args=[pipeline, self.said])
        self.thread.start()
        self.sink.wait(good)
        self.sink.said, self.sink.thread, self.sink.source = self.said, self.thread, self.source

    def end(self):
        """Stop it, and see that nothing was lost or made up."""
        self.sink.stop("the test is over")
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()
        s = self.sink.summary
        assert s.captured == s.processed + s.dropped + s.failed
        assert s.pending == 0
        # No label from a frame that is none.
        assert all(row["label"] != "damaged" for _, row, _ in self.sink.rows)


def await_gone(sink):
    """Wait until it was seen that nothing listens any more: that something does is a sign then."""
    limit = time.monotonic() + WAIT_S
    while not sink.source._gone:
        assert time.monotonic() < limit
        time.sleep(0.01)


def good(row):
    return row["state"] == "ok"


def bad(row):
    return row["state"] == "unknown"


def _run(pipeline, said):
    try:
        pipeline.run()
    except SourceError as error:
        said.append(error.message)
