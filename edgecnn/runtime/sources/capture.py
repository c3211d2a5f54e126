"""What the sources that read through ``cv2.VideoCapture`` share."""

from __future__ import annotations

import os
import time

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.frame import Frame

__all__ = ["NO_PICTURE", "Capture", "open_capture"]

#: The data of a frame that has none.
NO_PICTURE: NDArray[np.uint8] = np.empty((0, 0, 3), dtype=np.uint8)


def open_capture(
    target: str | int, backend: int, parameters: dict[int, float] | None = None
) -> cv2.VideoCapture:
    """Open a capture of one backend without letting it write to stderr.

    OpenCV's and FFmpeg's own messages carry whole addresses, with their credentials.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    flat = [int(value) for pair in (parameters or {}).items() for value in pair]
    return cv2.VideoCapture(target, backend, flat)


class Capture:
    """An opened capture that numbers and stamps its frames."""

    def __init__(self, capture: cv2.VideoCapture, source: str) -> None:
        self._capture = capture
        self._source = source
        self.count = 0

    def read(self) -> Frame | None:
        """Read one frame; None when the capture gives none."""
        there, image = self._capture.read()
        if not there or image.size == 0:
            return None
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        frame = Frame(self._source, self.count, time.monotonic_ns(), image)
        self.count += 1
        return frame

    def get(self, what: int) -> float:
        """Ask the capture for one of its properties; 0 when it does not say."""
        return float(self._capture.get(what))

    def close(self) -> None:
        """Release the device or connection."""
        self._capture.release()
