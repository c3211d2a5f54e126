"""A video file, every frame of it."""

from __future__ import annotations

from pathlib import Path

import cv2

from edgecnn.errors import MissingFileError, SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import Capture, open_capture

__all__ = ["Video"]


class Video:
    """A video file of any container and codec that FFmpeg reads.

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
        """Decode the next frame; None after the last."""
        if self._capture is None:
            raise SourceError(f"{self._path} is not open")
        frame = self._capture.read()
        if frame is None and self._capture.count == 0:
            raise SourceError(f"{self._path} has no frame that can be decoded")
        return frame

    def close(self) -> None:
        """Close the file."""
        if self._capture is not None:
            self._capture.close()
            self._capture = None
