"""Lines for people: what was seen whenever it changes, an account at the end."""

from __future__ import annotations

from typing import IO

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import StreamInfo
from edgecnn.runtime.sinks.lines import Lines

__all__ = ["TextLines", "account"]


def account(summary: Summary) -> str:
    """Return a summary as two or three lines of text."""
    latency = summary.latency_ms
    skipped = [
        f"{count:,} {what}"
        for count, what in (
            (summary.skipped, "left out as asked"),
            (summary.dropped - summary.skipped, "dropped"),
            (summary.failed, "failed"),
            (summary.duplicates, "duplicates"),
        )
        if count
    ]
    frames = f"{summary.captured:,} frames, {summary.processed:,} answered"
    lines = [", ".join([frames, *skipped]) + f" in {summary.seconds:.1f} s ({summary.ended})"]
    if summary.unknown:
        causes = (f"{count:,} {cause}" for cause, count in sorted(summary.unknown.items()))
        lines.append(f"{sum(summary.unknown.values()):,} unknown: {', '.join(causes)}")
    if summary.drift is not None:
        worst = (
            ""
            if summary.drift["worst"] == summary.drift["state"]
            else (f", at worst {summary.drift['worst']}")
        )
        lines.append(f"drift: {summary.drift['state']}{worst}")
    if summary.processed:
        lines.append(
            f"{summary.fps:.1f} fps; latency p50 {latency['p50']:g} ms, p95 {latency['p95']:g} ms, "
            f"p99 {latency['p99']:g} ms; {summary.provider}, {summary.nodes_on_provider} nodes"
        )
    lines += [
        f"{name}: {c['captured']:,} frames, {c['processed']:,} answered, {c['dropped']:,} dropped, "
        f"{c['failed']:,} failed"
        for name, c in summary.sources.items()
    ]
    # The page shows what it can; all else was meant to have every answer.
    lost = [f"{name} {n:,}" for name, n in summary.sinks.items() if n and name != "page"]
    if lost:
        lines.append(f"answers lost by sinks that were too slow: {', '.join(lost)}")
    return "\n".join(lines)


#: What stands beside an answer that does not change is told again after so long.
_ASIDE_S = 10.0


class TextLines(Lines):
    """Writes a line when the answer changes; for pictures with names, a line for each.

    What happens besides (an alarm) has a line of its own. Times are those within the stream where
    the answers state them, as a recording that is replayed does.

    Parameters
    ----------
    stream : text file
        Usually ``sys.stdout``; not closed.
    """

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self._said: dict[str, tuple[str, str]] = {}
        self._said_s = 0.0
        self._names_width = 0
        self._start_ns = 0

    def open(self, stream: StreamInfo) -> None:
        """Start with nothing said."""
        self._said = {}
        self._said_s = 0.0
        self._names_width = max(map(len, stream.sources), default=0)
        self._start_ns = 0

    def write(self, answer: Answer) -> None:
        """Write a line if there is something new."""
        result, frame = answer.result, answer.frame
        if not result.label:
            return  # the answer is a picture
        self._start_ns = self._start_ns or frame.captured_ns
        since_ns = max(0, frame.captured_ns - self._start_ns)
        time_s = result.fields.get("time_s", since_ns / 1e9)
        where = frame.name or f"{time_s:8.2f} s"
        if self._names_width:
            where = f"{where}  {frame.source:<{self._names_width}}"
        for event in result.events:
            self._line(f"{where}  {event}")
        said = (result.label, result.cause or result.reason)
        due = bool(result.aside) and time_s - self._said_s >= _ASIDE_S
        if said == self._said.get(frame.source) and not frame.name and not due:
            return
        self._said[frame.source], self._said_s = said, time_s
        what = result.reason if result.state == "unknown" else f"{100 * result.score:5.1f} %"
        aside = f"   {result.aside}" if result.aside else ""
        self._line(f"{where}  {result.label:<12} {what}{aside}")

    def _last(self, summary: Summary) -> str:
        return account(summary)
