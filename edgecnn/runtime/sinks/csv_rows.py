"""A table: one row for each answered frame, in columns that stay as they are."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["COLUMNS", "CsvRows"]

_LEDGER = ("captured", "processed", "dropped", "failed", "pending")
_FROM_ROW = ("source", "frame", "captured_ns", "latency_ms", "state", "reason", "label", "score")
#: ``more`` holds what else the frame's JSON line has, as JSON: boxes, beats, the best labels.
COLUMNS = ("time", *_FROM_ROW, "name", "truth", "fps", *_LEDGER, "more")


class CsvRows(Sink):
    """Writes a row at once, so that a process that is killed leaves a table of whole rows.

    A table that is there already is continued, after a restart for example.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self._offset_ns = 0

    def open(self, stream: StreamInfo) -> None:
        """Open the table, and write the header where it is new.

        Raises
        ------
        EdgeCNNError
            It cannot be written to, or is something else than such a table.
        """
        # What a frame carries is monotonic time; people want to know when.
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            before = self._before()
            self._file = self._path.open("a", encoding="utf-8", newline="")
            self._write(before)
        except OSError as error:
            raise self._failure(error) from error

    def write(self, answer: Answer) -> None:
        """Write one row."""
        row = answer.row()
        ledger = row.pop("ledger")
        captured = datetime.fromtimestamp((row["captured_ns"] + self._offset_ns) / 1e9, UTC)
        values = [captured.isoformat(timespec="milliseconds").replace("+00:00", "Z")]
        values += [_text(row.pop(name)) for name in _FROM_ROW]
        values += [_text(row.pop("name", "")), _text(row.pop("truth", "")), f"{answer.fps:.2f}"]
        values += [str(ledger[name]) for name in _LEDGER]
        values.append(msgspec.json.encode(row).decode())
        try:
            self._write(_line(values))
        except OSError as error:
            raise self._failure(error) from error

    def close(self, summary: Summary | None) -> None:
        """Close the table."""
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                raise self._failure(error) from error

    def _before(self) -> str:
        """Return what must be written before the first row."""
        header = _line(COLUMNS)
        if not self._path.exists() or self._path.stat().st_size == 0:
            return header
        with self._path.open("rb") as there:
            if there.read(len(header.encode())) != header.encode():
                raise EdgeCNNError(
                    f"cannot add to {self._path}: it has other columns",
                    hint="name another file, or move that one away",
                )
            there.seek(-1, io.SEEK_END)
            # A power cut may have left half a row: it must not swallow the next one.
            return "" if there.read(1) == b"\n" else "\r\n"

    def _write(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text)
            self._file.flush()

    def _failure(self, error: OSError) -> EdgeCNNError:
        return EdgeCNNError(
            f"cannot write {self._path}: {error.strerror or error}",
            hint="is the folder writable, and is there room on the disk?",
        )


def _line(values: tuple[str, ...] | list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()


def _text(value: Any) -> str:
    return "" if value is None else str(value)
