"""The live engine: capture, process, sinks.

One thread reads the source, the calling thread does everything else. Between them lies a
:class:`~edgecnn.runtime.mailbox.Mailbox` that keeps the newest frame of a live source, or every
frame of a file. The stream ends with its source, at :meth:`Pipeline.stop`, or with an error; the
sinks are closed and the ledger balances in each case.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.ahead import ahead_of
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.batching import most_at_once, results_of
from edgecnn.runtime.capture_group import start_capture
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.figures import StreamFigures
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.ledger import Ledger
from edgecnn.runtime.mosaic import Mosaic
from edgecnn.runtime.own_stage import OwnStage
from edgecnn.runtime.processor import Processor, Result
from edgecnn.runtime.sink_row import SinkRow
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sources.base import Source
from edgecnn.runtime.sources.settings import SourceSettings
from edgecnn.runtime.watchdog import Patience, Watchdog, Watched

__all__ = ["Pipeline"]

#: How often a waiting pipeline looks whether it was told to stop. A signal handler can only set a
#: flag: taking a lock there could wait for ever for the very thread that it interrupted.
_POLL_S = 0.1


class Pipeline:
    """Runs a source through a processor into sinks.

    Parameters
    ----------
    source : Source or sequence of Source
        Not yet opened. Several take turns, and where the processor can, a frame of each is answered
        in one run.
    processor : Processor
    sinks : sequence of Sink
        Told of every answer, in this order.
    frames : int, optional
        End after this many answers.
    stall_s : float
        A source that gives nothing for so long has stalled: it is renewed, or the stream ends with
        an error. One that is being opened again has its own limit.
    open_s : float
        The same for opening it.
    renew : callable or sequence of callable, optional
        Makes a live source once more, not yet opened, to go on with when its read hangs; one for
        each of several.
    patience : Patience, optional
        When model and sinks hang, and how often a stage may be replaced.
    cancel : callable, optional
        Makes a call of the processor that hangs end with an error; called from another thread.
    leave : callable, optional
        Ends the process at once, after an error that the pipeline's own thread, which hangs,
        cannot raise. The sinks that can be closed are closed before.
    controls : Controls, optional
        What people may change while it runs.
    settings : SourceSettings, optional
        Which frames are answered.
    say : callable
        Hears which stage hangs, and what was done.

    Attributes
    ----------
    ledger : Ledger
        Of all sources.
    """

    def __init__(
        self,
        source: Source | Sequence[Source],
        processor: Processor,
        sinks: Sequence[Sink] = (),
        *,
        frames: int | None = None,
        stall_s: float = 10.0,
        open_s: float = 20.0,
        renew: Callable[[], Source] | Sequence[Callable[[], Source]] | None = None,
        patience: Patience | None = None,
        cancel: Callable[[], None] | None = None,
        leave: Callable[[EdgeCNNError], None] | None = None,
        say: Callable[[str], None] = lambda text: None,
        controls: Controls | None = None,
        settings: SourceSettings | None = None,
    ) -> None:
        self._processor = processor
        self._most = most_at_once(processor)
        self._title = f"model {processor.title}"
        self._frames = frames
        self._leave = leave
        self._say = say
        self._controls = controls or Controls()
        self.ledger = Ledger()
        self._capture = start_capture(
            source,
            self.ledger,
            renew,
            say,
            limit=frames,
            stall_s=stall_s,
            open_s=open_s,
            settings=settings,
            ahead=ahead_of(processor),
        )
        self._mosaic: Mosaic | None = None
        self._asked: Sequence[Frame] = ()
        patience = patience or Patience()
        self._own = OwnStage(patience.stage_s, cancel=cancel, give_up=self._give_up)
        self._sinks = SinkRow(sinks, self._own)
        self._patience = patience
        self._watchdog = Watchdog(self._stages, patience, say)
        self._figures = StreamFigures()
        self._stop_reason = ""
        self._last_frame: Frame | None = None

    def stop(self, reason: str = "stopped") -> None:
        """End the stream after the frame at hand; safe in signal handlers and on any thread."""
        self._stop_reason = self._stop_reason or reason
        self._own.hurry()

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
        self._capture.start()
        self._watchdog.start()
        started = False

        try:
            try:
                self._await_open()
                self._mosaic = self._capture.mosaic()
                if not self._stop_reason:
                    self._sinks.open(self._stream_info())
                    started = True
                    self._capture.begin()
                    self._answer_all()
            except BaseException as error:
                self.stop(str(error) or type(error).__name__)
                raise
            finally:
                self._capture.end()
                summary = self._summary()
                self._sinks.close(summary if started else None)
        finally:
            self._watchdog.end()
        return summary

    def _stages(self) -> Iterator[Watched]:
        """List what may hang; called on the watchdog's thread."""
        yield from self._capture.stages
        yield self._own
        yield from self._sinks.watched()

    def _stream_info(self) -> StreamInfo:
        source = self._capture.source
        return StreamInfo(
            source=source.description,
            sources=self._capture.names,
            model=self._processor.title,
            live=source.live,
            fps=source.fps,
            card=self._processor.card,
            stop=self.stop,
            controls=self._controls,
            counts=self.ledger.counts,
            lost=self._sinks.lost,
            events=self._events,
            stalls=lambda: dict(self._watchdog.stalls),
            stage_s=self._patience.stage_s,
            reopening=lambda: self._capture.reopening,
        )

    def _await_open(self) -> None:
        while not self._capture.opened.wait(_POLL_S) and not self._stop_reason:
            pass
        self._capture.check()

    def _answer_all(self) -> None:
        capture = self._capture
        while not self._stop_reason:
            if self._controls.paused:
                self._sinks.idle()
                time.sleep(_POLL_S)
                continue
            # Asked before the mailbox: a frame put just before the end is not missed.
            over = capture.over.is_set()
            frame = capture.mailbox.get(0 if over else _POLL_S)
            if frame is not None:
                self._answer_together(frame)
            elif over:
                capture.check()
                self.stop("end of source")
            else:
                self._sinks.idle()
        self._finish()

    def _answer_together(self, frame: Frame) -> None:
        """Answer a frame, and one of each other source that waits, in one run if possible."""
        frames = [frame, *self._capture.also(frame, self._most - 1)]
        now = time.monotonic_ns()
        frames = [f if f.turn_ns else dataclasses.replace(f, turn_ns=now) for f in frames]
        for each, result in zip(frames, self._results(frames), strict=True):
            self._answer(each, result)

    def _answer(self, frame: Frame, result: Result) -> None:
        now = time.monotonic_ns()
        self._figures.add(frame, result, now)
        self._last_frame = frame
        self._tell(frame, result, (now - frame.captured_ns) / 1e6)
        self._figures.add_stage("sinks", (time.monotonic_ns() - now) / 1e6)
        if self._frames and self._figures.answers >= self._frames:
            self.stop("frames")

    def _results(self, frames: Sequence[Frame]) -> Iterator[Result]:
        """Give the answers one by one, each counted when it is taken."""
        self._asked = [frame for frame in frames if not frame.fault]
        self._own.begin(self._title, "process")
        try:
            given = iter(results_of(self._processor, self._asked))
        finally:
            self._own.end()
        self._asked = ()
        for frame in frames:
            ledger = self._capture.ledger_of(frame)
            outcome = Result.unknown(frame.fault, "fault") if frame.fault else next(given)
            if isinstance(outcome, EdgeCNNError):
                outcome = Result.unknown(outcome.message, "error")
                ledger.fail()
            elif frame.fault:
                ledger.fail()
            else:
                ledger.process()
            yield outcome

    def _finish(self) -> None:
        """Pass on what the processor still has to say, as a further answer to the last frame."""
        last = self._processor.finish()
        if last is not None and self._last_frame is not None:
            latency_ms = (time.monotonic_ns() - self._last_frame.captured_ns) / 1e6
            self._tell(self._last_frame, last, latency_ms)

    def _tell(self, frame: Frame, result: Result, latency_ms: float) -> None:
        several = len(self._capture.stages) > 1
        answer = Answer(
            frame,
            result,
            latency_ms=latency_ms,
            ledger=self._capture.ledger_of(frame).counts(),
            total=self.ledger.counts() if several else None,
            mosaic=self._mosaic,
            fps=self._figures.recent_fps,
            provider=self._processor.provider,
        )
        self._sinks.write(answer)

    def _events(self) -> dict[str, int]:
        capture = self._capture
        return {
            "reconnects": getattr(capture.source, "reconnects", 0),
            "duplicates": capture.duplicates,
            "skipped": self.ledger.skipped,
            "restarts": self._watchdog.restarts,
        }

    def _summary(self) -> Summary:
        counts = self.ledger.counts()
        return Summary(
            captured=counts.captured,
            processed=counts.processed,
            dropped=counts.dropped,
            failed=counts.failed,
            pending=counts.pending,
            duplicates=self._capture.duplicates,
            fps=self._figures.fps,
            latency_ms=self._figures.latency.summary(),
            provider=self._processor.provider,
            nodes_on_provider=self._processor.nodes_on_provider,
            source=self._capture.source.description,
            seconds=self._figures.seconds,
            ended=self._stop_reason or "end of source",
            sinks=self._sinks.lost(),
            stalls=dict(self._watchdog.stalls),
            restarts=self._watchdog.restarts,
            skipped=self.ledger.skipped,
            stages_ms=self._figures.stages_ms(),
            unknown=dict(self._figures.unknown),
            drift=self._figures.drift(),
            sources=self._capture.account(),
        )

    def _give_up(self, error: EdgeCNNError) -> None:
        """End the process although the pipeline's own thread hangs; runs on the watchdog's."""
        if self._own.key == "output" and not self._stop_reason:
            # A reader that waits, as a pager does, is waited for until the stream is to end.
            self._say(f"{error.message}; waiting for whoever reads it")
            return
        pending = self._asked if self._own.key == "process" else ()
        self._stop_reason = self._stop_reason or error.message
        if self._leave is None:
            self._say(error.message)
            return
        self._capture.end()
        for frame in pending:
            self._capture.ledger_of(frame).fail()
        summary = self._summary()
        self._sinks.close_from_elsewhere(summary)
        self._leave(error)
