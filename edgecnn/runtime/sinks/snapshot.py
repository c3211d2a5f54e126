"""A frame kept with its answer, when somebody asks: a PNG and a JSON beside it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import cv2
import msgspec

from edgecnn.errors import EdgeCNNError
from edgecnn.files import write_bytes
from edgecnn.runtime.answer import Answer
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["Snapshots"]

#: Who holds a key down, or clicks on and on, fills no disk.
_PAUSE_S = 0.5


class Snapshots(Sink):
    """Keeps the newest answer at hand, and writes it when asked through the stream's controls.

    The PNG is the very frame that the model was given, without anything drawn over it; of a signal
    it is the drawn picture. The JSON is the frame's line of ``live --json``, with the PNG's name.

    Parameters
    ----------
    folder : Path
        Made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest: Answer | None = None
        self._model = ""
        self._lock = threading.Lock()
        self._last: datetime | None = None

    def open(self, stream: StreamInfo) -> None:
        """Offer to take them."""
        self._model = stream.model
        stream.controls.snapshot = self.take

    def write(self, answer: Answer) -> None:
        """Remember the newest answer."""
        self._newest = answer

    def take(self) -> str:
        """Write picture and answer of the newest frame; safe on any thread.

        Returns
        -------
        str
            Where the PNG is.

        Raises
        ------
        EdgeCNNError
            There is no frame, it cannot be written, or the last one was a moment ago.
        """
        with self._lock:
            answer, now = self._newest, datetime.now(UTC)
            if answer is None:
                raise EdgeCNNError("there is no frame yet")
            if self._last is not None and (now - self._last).total_seconds() < _PAUSE_S:
                raise EdgeCNNError("one snapshot at a time")
            self._last = now
            data = answer.frame.data
            picture = data if data.ndim == 3 and data.size else answer.picture()
            _, png = cv2.imencode(".png", picture)
            path = self._folder / f"{now:%Y%m%dT%H%M%S}-frame{answer.frame.number}.png"
            row = answer.row() | {
                "picture": path.name,
                "is_frame": picture is data,
                "taken": now.isoformat(timespec="milliseconds"),
                "model": self._model,
                "provider": answer.provider,
            }
            # The picture first: where there is a JSON, there is all of it.
            write_bytes(path, png.tobytes())
            document = msgspec.json.format(msgspec.json.encode(row), indent=1)
            write_bytes(path.with_suffix(".json"), document + b"\n")
            return str(path)
