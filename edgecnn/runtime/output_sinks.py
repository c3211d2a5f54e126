"""The sinks that give out what a live stream was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import IO

from edgecnn.runtime.outputs import Outputs
from edgecnn.runtime.served import served_sinks
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink
from edgecnn.runtime.sinks.csv_rows import CsvRows
from edgecnn.runtime.sinks.jsonl import JsonLines
from edgecnn.runtime.sinks.on_change import OnChange
from edgecnn.runtime.sinks.plugin import open_plugin
from edgecnn.runtime.sinks.record_switch import RecordSwitch
from edgecnn.runtime.sinks.snapshot import Snapshots
from edgecnn.runtime.sinks.text import TextLines
from edgecnn.runtime.sinks.window import Window, window_trouble
from edgecnn.runtime.sources.base import Source

__all__ = ["OutputSinks"]

#: Answers that may wait for a table on a slow disk, and for a sink of the user's own.
_CSV_ROOM, _PLUGIN_ROOM = 256, 64
#: How long a sink of the user's own may take for what is left at the end.
_DRAIN_S = 10.0


class OutputSinks:
    """The sinks of one stream, not yet opened.

    Parameters
    ----------
    outputs : Outputs
    out : text file
        What stands for stdout.
    say : callable
        Hears remarks: the page's address.
    source : Source, optional
        The stream's, for a page whose visitors' camera it is.

    Raises
    ------
    UsageError
        ``web`` or ``metrics`` is no address, ``record`` has another ending, or a sink has no such
        option.
    EdgeCNNError
        A sink of the user's own cannot be made, or a certificate not be used.

    Attributes
    ----------
    sinks : list of Sink
    remarks : list of str
        What is worth saying once everything is open: why there is no window.
    """

    def __init__(
        self,
        outputs: Outputs,
        out: IO[str],
        say: Callable[[str], None],
        source: Source | None = None,
    ) -> None:
        lines: Sink = JsonLines(out) if outputs.as_json else TextLines(out)
        self.sinks: list[Sink] = [OnChange(lines) if outputs.on_change else lines]
        self.remarks: list[str] = []
        trouble = window_trouble() if outputs.window else None
        self.sinks += served_sinks(outputs, say, source)
        if outputs.csv is not None:
            self.sinks.append(Background(CsvRows(outputs.csv), room=_CSV_ROOM, name="csv"))
        self._add_plugins(outputs.sinks)
        window = outputs.window and trouble is None
        self._recordings: RecordSwitch | None = None
        if outputs.record is not None or window:
            self._recordings = RecordSwitch(outputs.record, outputs.snapshots)
            self.sinks.append(self._recordings)
        if outputs.web is not None or window:
            self.sinks.append(Snapshots(outputs.snapshots))
        if window:
            self.sinks.append(Window(say))
        elif trouble is not None and outputs.web is None and not outputs.as_json:
            self.remarks.append(f"no window: {trouble}")

    def outcome(self) -> list[str]:
        """Return what is worth saying once they are closed: where recordings lie."""
        files = self._recordings.files if self._recordings is not None else []
        return [
            f"recorded: {path}"
            + (f", {lost} frames left out: the disk was too slow" if lost else "")
            for path, lost in files
        ]

    def _add_plugins(self, texts: tuple[str, ...]) -> None:
        names: Counter[str] = Counter()
        for text in texts:
            plugin = open_plugin(text)
            names[plugin.name] += 1
            count = names[plugin.name]
            name = plugin.name if count == 1 else f"{plugin.name}#{count}"
            self.sinks.append(Background(plugin, room=_PLUGIN_ROOM, name=name, drain_s=_DRAIN_S))
