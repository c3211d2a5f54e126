"""A video file, every frame of it."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import cv2

from edgecnn.errors import MissingFileError, SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import Capture, frames_short, open_capture
from edgecnn.runtime.sources.extent import read_extent

__all__ = ["Video"]

#: How many frames in a row may be beyond decoding before the rest is given up.
_MOST_BROKEN = 300


class Video:
    """A video file of any container and codec that FFmpeg reads.

    A frame that cannot be decoded comes as a fault, and the ones after it follow. A file that was
    cut off, or has lost frames otherwise, ends with an error.

    Parameters
    ----------
    path : Path
    """

    live = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self.description = str(path)
        self.fps: float | None = None
        self._capture: Capture | None = None
        self._held: deque[Frame] = deque()

    def open(self) -> None:
        """Open the file and read its size and rate."""
        if not self._path.is_file():
            raise MissingFileError(
                f"no such source: {self._path}",
                hint="a camera index, a video file, a folder of pictures, an RTSP or HTTP URL, "
                "or test:",
            )
        capture = open_capture(str(self._path), cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise SourceError(
                f"{self._path} is not a readable video",
                hint="an MP4 whose recording was killed has no index and cannot be read"
                if self._path.suffix.lower() in (".mp4", ".mov")
                else "expected a video that FFmpeg reads: MP4, MKV, AVI, WebM, ...",
            )
        self._capture = Capture(capture, str(self._path))
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or None

    def read(self) -> Frame | None:
        """Decode the next frame; None after the last.

        Raises
        ------
        SourceError
            The file ends before it should, or has no frame at all.
        """
        if self._capture is None:
            raise SourceError(f"{self._path} is not open")
        if self._held:
            return self._held.popleft()
        frame = self._capture.read()
        if frame is None:
            self._held.extend(self._capture.read_past(_MOST_BROKEN))
            frame = self._held.popleft() if self._held else None
        if frame is None:
            self._check_end(self._capture)
        return frame

    def close(self) -> None:
        """Close the file."""
        self._held.clear()
        if self._capture is not None:
            self._capture.close()
            self._capture = None

    def _check_end(self, capture: Capture) -> None:
        """See that the file is over where it ends."""
        if capture.count == 0:
            raise SourceError(f"{self._path} has no frame that can be decoded")
        try:
            extent = read_extent(self._path)
        except OSError as error:
            raise SourceError(f"cannot read {self._path}: {error.strerror or error}") from error
        if extent is None:
            missing = frames_short(capture)
        elif extent.pictures is not None:
            missing = extent.pictures - capture.count
        else:
            missing = max(1, capture.rest) if extent.cut else 0
        if missing <= 0:
            return
        about = "about " if extent is None or extent.pictures is None else ""
        plural = "" if missing == 1 else "s"
        hint = "it was cut off or damaged: copy it again, or repair it"
        if capture.short > 1 or (extent is not None and extent.cut):
            raise SourceError(
                f"{self._path} ended {about}{missing} frame{plural} early, after {capture.count}",
                hint=hint,
            )
        raise SourceError(
            f"{self._path} lacks {missing} frame{plural} besides the {capture.count} it gave",
            hint=hint,
        )
