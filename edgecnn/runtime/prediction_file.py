"""A file of predictions that is whole or not there, and a run that goes on where one stopped.

While it runs, what is done lies in ``FILE.partial``: a line for each input with the SHA-256 of its
content, under a first line that names model and settings. A run that finds such a file answers what
is missing or has changed, and what could not be answered before.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from edgecnn.errors import EdgeCNNError
from edgecnn.files import atomic_path, sha256_of
from edgecnn.runtime.predict import Prediction

__all__ = ["COLUMNS", "PredictionFile"]

#: Of the table; ``top`` and ``more`` hold JSON: the best labels, and what else there is to say.
COLUMNS = ("input", "label", "score", "latency_ms", "error", "top", "more")


class PredictionFile:
    """Collects predictions for one or two files.

    Parameters
    ----------
    table, lines : Path or None
        The CSV file and the JSON Lines file; at least one.
    made_with : mapping
        What the answers depend on, as plain data: the model's SHA-256, settings.
    say : callable
        Hears that an earlier run is continued, or cannot be.

    Raises
    ------
    EdgeCNNError
        The folder cannot be written to, or another run is at it.

    Attributes
    ----------
    again : int
        Inputs that were done before.
    """

    def __init__(
        self,
        table: Path | None,
        lines: Path | None,
        made_with: Mapping[str, Any],
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._table, self._lines = table, lines
        first = table or lines
        assert first is not None
        self.partial = first.with_name(f"{first.name}.partial")
        self._header = msgspec.json.encode({"predictions": 1, "made_with": dict(made_with)}) + b"\n"
        self._known: dict[str, tuple[str, int]] = {}
        self._places: dict[str, deque[int]] = {}
        self._listed: list[str] = []
        self._added: list[str] = []
        self.again = 0
        try:
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = self.partial.open("a+b", buffering=0)
        except OSError as error:
            raise self._failure(error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._begin(say)
        except BlockingIOError as error:
            self.close()
            raise EdgeCNNError(
                f"another run is writing {self.partial}", hint="wait for it, or name another file"
            ) from error
        except OSError as error:
            self.close()
            raise self._failure(error) from error

    def listed(self, inputs: Sequence[str]) -> None:
        """Learn the order of the inputs; without it, they come as they were added."""
        self._listed = list(inputs)

    def is_done(self, name: str) -> bool:
        """Tell whether a file was answered before, and is still the same."""
        if name not in self._known:
            return False
        sha256, place = self._known[name]
        with contextlib.suppress(OSError):
            if sha256_of(Path(name)) == sha256:
                self._places.setdefault(name, deque()).append(place)
                self.again += 1
                return True
        return False

    def add(self, prediction: Prediction) -> None:
        """Write one prediction to the partial file."""
        sha256 = ""
        if prediction.error is None:
            with contextlib.suppress(OSError):
                sha256 = sha256_of(Path(prediction.input))
        line = {"input": prediction.input, "sha256": sha256, "row": prediction.row()}
        try:
            place = self._file.seek(0, io.SEEK_END)
            self._places.setdefault(prediction.input, deque()).append(place)
            self._added.append(prediction.input)
            self._file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise self._failure(error) from error

    def finish(self) -> None:
        """Write the files, whole, in the order of the inputs; the partial one goes."""
        places = self._places
        for path, write in ((self._table, self._write_table), (self._lines, self._write_lines)):
            if path is not None:
                self._places = {name: deque(each) for name, each in places.items()}
                with atomic_path(path) as temporary:
                    write(temporary)
        self.partial.unlink(missing_ok=True)
        self._file.close()

    def close(self) -> None:
        """Let go of the partial file; it stays, if anything is in it."""
        if self._file.closed:
            return
        if self._file.seek(0, io.SEEK_END) <= len(self._header):
            self.partial.unlink(missing_ok=True)
        self._file.close()

    def _begin(self, say: Callable[[str], None]) -> None:
        self._file.seek(0)
        content = self._file.read()
        if content and not content.startswith(self._header):
            say(f"{self.partial} is of another model or other settings: begun anew")
            content = b""
        whole = content[: content.rfind(b"\n") + 1]
        # What was cut off in the middle of a line is done again.
        self._file.truncate(len(whole))
        if not whole:
            self._file.write(self._header)
            return
        place = len(self._header)
        for line in whole[place:].splitlines(keepends=True):
            with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
                found = msgspec.json.decode(line)
                if found["sha256"]:
                    self._known[found["input"]] = (found["sha256"], place)
            place += len(line)
        say(f"going on after {len(self._known)} that are done: {self.partial}")

    def _rows(self) -> Iterator[dict[str, Any]]:
        with self.partial.open("rb") as file:
            for name in self._listed or self._added:
                file.seek(self._places[name].popleft())
                yield msgspec.json.decode(file.readline())["row"]

    def _write_lines(self, path: Path) -> None:
        with path.open("wb") as file:
            for row in self._rows():
                file.write(msgspec.json.encode(row) + b"\n")

    def _write_table(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for row in self._rows():
                more = {name: value for name, value in row.items() if name not in COLUMNS}
                cells = {name: row.get(name) for name in COLUMNS[:5]}
                for name, value in (("top", row.get("top")), ("more", more)):
                    cells[name] = json.dumps(value, ensure_ascii=False) if value else ""
                writer.writerow(cells)

    def _failure(self, error: OSError) -> EdgeCNNError:
        return EdgeCNNError(
            f"cannot write {self.partial}: {error.strerror or error}",
            hint="is the folder writable, and is there room on the disk?",
        )
