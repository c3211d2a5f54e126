"""The live engine: capture, process, sinks.

One thread reads the source, the calling thread does everything else. Between them lies a
:class:`~edgecnn.runtime.mailbox.Mailbox` that keeps the newest frame of a live source, or every
frame of a file. The stream ends with its source, at :meth:`Pipeline.stop`, or with an error; the
sinks are closed and the ledger balances in each case.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Sequence

from edgecnn.errors import EdgeCNNError, SourceError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.capture_thread import CaptureThread
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.latency import LatencyHistogram
from edgecnn.runtime.ledger import Ledger
from edgecnn.runtime.processor import Processor, Result
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sources.base import Reopens, Source

__all__ = ["Pipeline"]

#: How often a waiting pipeline looks whether it was told to stop. A signal handler can only set a
#: flag: taking a lock there could wait for ever for the very thread that it interrupted.
_POLL_S = 0.1


class Pipeline:
    """Runs a source through a processor into sinks.

    Parameters
    ----------
    source : Source
        Not yet opened.
    processor : Processor
    sinks : sequence of Sink
        Told of every answer, in this order.
    frames : int, optional
        End after this many answers.
    stall_s : float
        A source that gives nothing for so long has stalled; the stream ends with an error. One that
        is being opened again has its own limit.
    open_s : float
        The same for opening it.
    controls : Controls, optional
        What people may change while it runs.

    Attributes
    ----------
    ledger : Ledger
    """

    def __init__(
        self,
        source: Source,
        processor: Processor,
        sinks: Sequence[Sink] = (),
        *,
        frames: int | None = None,
        stall_s: float = 10.0,
        open_s: float = 20.0,
        controls: Controls | None = None,
    ) -> None:
        self._source = source
        self._processor = processor
        self._sinks = tuple(sinks)
        self._frames = frames
        self._stall_s = stall_s
        self._open_s = open_s
        self._controls = controls or Controls()
        self.ledger = Ledger()
        self._latency = LatencyHistogram()
        self._stop_reason = ""
        self._answers = 0
        self._recent: deque[int] = deque(maxlen=60)
        self._first_ns = self._last_ns = self._first_answer_ns = 0
        self._last_frame: Frame | None = None

    def stop(self, reason: str = "stopped") -> None:
        """End the stream after the frame at hand; safe in signal handlers and on any thread."""
        self._stop_reason = self._stop_reason or reason

    def run(self) -> Summary:
        """Run to the end.

        Returns
        -------
        Summary
            When the source ended or the stream was stopped.

        Raises
        ------
        SourceError
            The source could not be opened, ended although it is live or before it should, or
            stalled. The sinks got their summary before.
        OSError
            A sink could not write, ``BrokenPipeError`` among them.
        """
        capture = CaptureThread(self._source, self.ledger, limit=self._frames)
        capture.start()
        summary: Summary | None = None
        started = False

        def close(sink: Sink) -> None:
            sink.close(summary if started else None)

        # The sinks are closed in reverse, whichever of them fails.
        with contextlib.ExitStack() as closing:
            try:
                self._await_open(capture)
                if not self._stop_reason:
                    info = StreamInfo(
                        source=self._source.description,
                        model=self._processor.title,
                        live=self._source.live,
                        fps=self._source.fps,
                        card=self._processor.card,
                        stop=self.stop,
                        controls=self._controls,
                        counts=self.ledger.counts,
                        lost=self._lost,
                    )
                    for sink in self._sinks:
                        closing.callback(close, sink)
                        sink.open(info)
                    started = True
                    capture.begin()
                    self._answer_all(capture)
            except BaseException as error:
                self.stop(str(error) or type(error).__name__)
                raise
            finally:
                capture.end()
                summary = self._summary(capture)
        return summary

    def _await_open(self, capture: CaptureThread) -> None:
        limit = time.monotonic() + self._open_s
        while not capture.opened.wait(_POLL_S) and not self._stop_reason:
            if time.monotonic() > limit:
                raise SourceError(
                    f"{self._source.description} did not open within {self._open_s:g} s"
                )
        capture.check()

    def _answer_all(self, capture: CaptureThread) -> None:
        last_seen = time.monotonic()
        while not self._stop_reason:
            if self._controls.paused:
                for sink in self._sinks:
                    sink.idle()
                time.sleep(_POLL_S)
                last_seen = time.monotonic()
                continue
            # Asked before the mailbox: a frame put just before the end is not missed.
            over = capture.over.is_set()
            frame = capture.mailbox.get(_POLL_S)
            if frame is not None:
                self._answer(frame)
                last_seen = time.monotonic()
                continue
            if isinstance(self._source, Reopens) and self._source.reopening:
                last_seen = time.monotonic()
            if over:
                capture.check()
                self.stop("end of source")
            elif time.monotonic() - last_seen > self._stall_s:
                raise SourceError(
                    f"{self._source.description} stalled: no frame for {self._stall_s:g} s",
                    hint="is it still connected, and is the network up?",
                )
            else:
                for sink in self._sinks:
                    sink.idle()
        self._finish()

    def _answer(self, frame: Frame) -> None:
        result = self._result(frame)
        now = time.monotonic_ns()
        latency_ms = (now - frame.captured_ns) / 1e6
        self._latency.add(latency_ms)
        self._first_ns = self._first_ns or frame.captured_ns
        self._first_answer_ns = self._first_answer_ns or now
        self._last_ns, self._last_frame = now, frame
        self._recent.append(now)
        self._answers += 1
        self._tell(frame, result, latency_ms)
        if self._frames and self._answers >= self._frames:
            self.stop("frames")

    def _result(self, frame: Frame) -> Result:
        if frame.fault:
            self.ledger.fail()
            return Result.unknown(frame.fault)
        try:
            result = self._processor.process(frame)
        except EdgeCNNError as error:
            self.ledger.fail()
            return Result.unknown(error.message)
        self.ledger.process()
        return result

    def _finish(self) -> None:
        """Pass on what the processor still has to say, as a further answer to the last frame."""
        last = self._processor.finish()
        if last is not None and self._last_frame is not None:
            latency_ms = (time.monotonic_ns() - self._last_frame.captured_ns) / 1e6
            self._tell(self._last_frame, last, latency_ms)

    def _tell(self, frame: Frame, result: Result, latency_ms: float) -> None:
        answer = Answer(
            frame,
            result,
            latency_ms=latency_ms,
            ledger=self.ledger.counts(),
            fps=self._recent_fps(),
            provider=self._processor.provider,
        )
        for sink in self._sinks:
            sink.write(answer)

    def _lost(self) -> dict[str, int]:
        return {sink.name: sink.lost for sink in self._sinks if sink.name}

    def _recent_fps(self) -> float:
        if len(self._recent) < 2:
            return 0.0
        return (len(self._recent) - 1) * 1e9 / max(1, self._recent[-1] - self._recent[0])

    def _summary(self, capture: CaptureThread) -> Summary:
        counts = self.ledger.counts()
        seconds = (self._last_ns - self._first_ns) / 1e9
        answering = (self._last_ns - self._first_answer_ns) / 1e9
        return Summary(
            captured=counts.captured,
            processed=counts.processed,
            dropped=counts.dropped,
            failed=counts.failed,
            pending=counts.pending,
            duplicates=capture.duplicates,
            fps=round((self._answers - 1) / answering, 2) if answering > 0 else 0.0,
            latency_ms=self._latency.summary(),
            provider=self._processor.provider,
            nodes_on_provider=self._processor.nodes_on_provider,
            source=self._source.description,
            seconds=round(seconds, 3),
            ended=self._stop_reason or "end of source",
            sinks=self._lost(),
        )
