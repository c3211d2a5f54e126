"""A recording of the annotated pictures: MKV, or MP4 made of it at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.files import atomic_path
from edgecnn.preprocessing.image import resize_area
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo
from edgecnn.runtime.sinks.matroska import MatroskaWriter, read_frames
from edgecnn.runtime.sinks.mp4 import write_mp4

__all__ = ["Recording"]

#: Pictures of a folder have no rate of their own.
_FOLDER_FPS = 2.0


class Recording(Sink):
    """Records every answer that it gets, with the time when its frame was captured.

    A ``.mkv`` is written as it happens and can be played even if the process is killed. For a
    ``.mp4`` the same goes to ``NAME.recording.mkv`` first, which becomes the MP4 when the stream
    ends and is then removed.

    Parameters
    ----------
    path : Path
        Ends in ``.mkv`` or ``.mp4``.
    stem : str, optional
        What the names of those that take over begin with; the default is its own.

    Raises
    ------
    UsageError
        Another ending.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, stem: str = "") -> None:
        if path.suffix.lower() not in (".mkv", ".mp4"):
            raise UsageError(
                f"cannot record to {path}", hint="name a file that ends in .mkv or .mp4"
            )
        self._path = self.path = path
        self._stem = stem or path.stem
        self._live_path = (
            path.with_suffix(".recording.mkv") if path.suffix.lower() == ".mp4" else path
        )
        self._writer: MatroskaWriter | None = None
        self._size = (0, 0)
        self._first_ns = self._first_number = 0
        self._interval_ms: float | None = None
        self._made = False

    def open(self, stream: StreamInfo) -> None:
        """Learn the source's rate, and see that the folder can be written to.

        Raises
        ------
        UsageError
            The recording would replace its own source, or one that was cut off before.
        EdgeCNNError
            The folder cannot be written to.
        """
        self._interval_ms = None if stream.live else 1000 / (stream.fps or _FOLDER_FPS)
        try:
            source = Path(stream.source)
            if self._path.exists() and source.exists() and self._path.samefile(source):
                raise UsageError(
                    f"cannot record to {self._path}: it is the source",
                    hint="name another file for the recording",
                )
            is_new = not self._live_path.exists()
            if self._live_path != self._path and not is_new:
                raise UsageError(
                    f"{self._live_path} is there already, from a recording that was cut off",
                    hint="it can be played: move it away, or remove it",
                )
            self._live_path.parent.mkdir(parents=True, exist_ok=True)
            self._live_path.touch()
            self._made = is_new
        except OSError as error:
            raise self._failure(error) from error

    def write(self, answer: Answer) -> None:
        """Add one picture."""
        picture = answer.picture()
        try:
            if self._writer is None:
                self._size = picture.shape[1], picture.shape[0]
                self._writer = MatroskaWriter(
                    self._live_path, *self._size, interval_ms=self._interval_ms
                )
                self._first_ns = answer.frame.captured_ns
                self._first_number = answer.frame.number
            if (picture.shape[1], picture.shape[0]) == self._size:
                jpeg = answer.jpeg()
            else:
                jpeg = _encoded(_fit(picture, *self._size))
            self._writer.write(jpeg, self._time_ms(answer))
        except OSError as error:
            raise self._failure(error) from error

    def renew(self) -> Recording:
        """Return one into a file beside this one, ``walk-20261129T071530.mkv`` for ``walk.mkv``."""
        # By the time, without a look at a disk that hangs.
        return Recording(
            self._path.with_stem(f"{self._stem}-{datetime.now(UTC):%Y%m%dT%H%M%S}"), self._stem
        )

    def close(self, summary: Summary | None) -> None:
        """Finish the file; make the MP4 if one was asked for."""
        if self._writer is None:
            # Nothing came: no empty file stays behind, and an older one stays as it was.
            if self._made:
                self._live_path.unlink(missing_ok=True)
            return
        try:
            self._writer.close()
        except OSError as error:
            raise self._failure(error) from error
        if self._live_path != self._path:
            with atomic_path(self._path) as temporary:
                width, height = self._size
                write_mp4(temporary, read_frames(self._live_path), width=width, height=height)
            self._live_path.unlink(missing_ok=True)

    def _time_ms(self, answer: Answer) -> int:
        if self._interval_ms is not None:
            return round((answer.frame.number - self._first_number) * self._interval_ms)
        return (answer.frame.captured_ns - self._first_ns) // 1_000_000

    def _failure(self, error: OSError) -> EdgeCNNError:
        return EdgeCNNError(
            f"cannot record to {self._live_path}: {error.strerror or error}",
            hint="is the folder writable, and is there room on the disk?",
        )


def _fit(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Fit a picture of another size into the recording's, over black."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = (
        min(height, max(1, round(picture.shape[0] * scale))),
        min(width, max(1, round(picture.shape[1] * scale))),
    )
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    canvas[top : top + inner[0], left : left + inner[1]] = resize_area(picture, *inner)
    return canvas


def _encoded(picture: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return encoded.tobytes()
