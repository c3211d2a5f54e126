"""Recordings that are started and ended while the stream runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.background import Background
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sinks.record import Recording
from edgecnn.runtime.watchdog import Watched

__all__ = ["RecordSwitch"]

_ROOM = 16


class RecordSwitch(Sink):
    """Records from the start if it is given a file, and whenever it is switched on.

    A second recording of ``out.mkv`` is ``out-2.mkv``. Ending one takes as long as its MP4 takes to
    be made; that goes on beside the stream.

    Parameters
    ----------
    path : Path or None
        ``.mkv`` or ``.mp4`` of the first recording, which starts with the stream.
    folder : Path
        Where recordings go that no file was named for.

    Raises
    ------
    UsageError
        ``path`` has another ending.

    Attributes
    ----------
    files : list of (Path, int)
        What was recorded, and how many answers each lost because the disk was too slow.
    """

    name = "record"

    def __init__(self, path: Path | None, folder: Path) -> None:
        self._path = path
        self._folder = folder
        self._stream: StreamInfo | None = None
        self._current: tuple[Path, Background] | None = None
        self._pending = None if path is None else Background(Recording(path), room=_ROOM)
        self._started = 0
        self._ending: list[threading.Thread] = []
        self._closing: list[Background] = []
        self._error: Exception | None = None
        self.files: list[tuple[Path, int]] = []

    @property
    def lost(self) -> int:  # type: ignore[override]
        """Answers that were left out because the disk was too slow."""
        running = 0 if self._current is None else self._current[1].lost
        return running + sum(lost for _, lost in self.files)

    def open(self, stream: StreamInfo) -> None:
        """Start the first recording, and offer the switch."""
        self._stream = stream
        if self._path is not None and self._pending is not None:
            self._start(self._path, self._pending)
        stream.controls.record = self.toggle

    def write(self, answer: Answer) -> None:
        """Record an answer, if a recording runs."""
        self._raise()
        if self._current is not None:
            self._current[1].write(answer)

    def idle(self) -> None:
        """Raise what went wrong meanwhile."""
        self._raise()
        if self._current is not None:
            self._current[1].idle()

    def watched(self) -> Sequence[Watched]:
        """Return the recordings that run or are being ended: the disk may hang."""
        running = () if self._current is None else (self._current[1],)
        return (*running, *self._closing)

    def toggle(self) -> str:
        """Start a recording, or end the one that runs; called on the pipeline's thread.

        Returns
        -------
        str
            What it did.

        Raises
        ------
        EdgeCNNError
            The file cannot be written.
        """
        if self._current is None:
            path = self._next_path()
            self._start(path, Background(Recording(path), room=_ROOM))
            return f"recording {path.name}"
        path, recording = self._current
        self._closing.append(recording)
        self._set(None)
        thread = threading.Thread(target=self._end, args=(path, recording), name="end of recording")
        thread.start()
        self._ending.append(thread)
        return f"recorded {path.name}"

    def close(self, summary: Summary | None) -> None:
        """End the recording that runs; wait for those that are being ended."""
        for thread in self._ending:
            thread.join()
        if self._current is not None:
            path, recording = self._current
            self._closing.append(recording)
            self._set(None)
            recording.close(summary)
            self._keep(path, recording)
        self._raise()

    def _start(self, path: Path, recording: Background) -> None:
        assert self._stream is not None
        try:
            recording.open(self._stream)
        except Exception:
            recording.close(None)
            raise
        self._set((path, recording))
        self._started += 1

    def _set(self, current: tuple[Path, Background] | None) -> None:
        self._current = current
        if self._stream is not None:
            self._stream.controls.recording = current is not None

    def _end(self, path: Path, recording: Background) -> None:
        try:
            recording.close(None)
            self._keep(path, recording)
        except Exception as error:  # carried to the pipeline's thread, and raised there
            self._error = error

    def _keep(self, path: Path, recording: Background) -> None:
        self._closing.remove(recording)
        # What took the place of one that hung has a file of its own.
        paths = [path]
        if isinstance(recording.sink, Recording) and recording.sink.path != path:
            paths.append(recording.sink.path)
        for each in paths:
            # One that was ended before its first frame left no file.
            if each.exists():
                self.files.append((each, recording.lost if each is paths[-1] else 0))

    def _next_path(self) -> Path:
        if self._path is None:
            path = self._folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.mkv"
            self._path, self._started = path, 0
        number = self._started + 1
        while True:
            stem = self._path.stem if number == 1 else f"{self._path.stem}-{number}"
            path = self._path.with_stem(stem)
            if not path.exists():
                return path
            number += 1

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error
