"""What the sources that read through ``cv2.VideoCapture`` share."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.jpeg import decode_jpeg

__all__ = ["NO_PICTURE", "Capture", "frames_short", "open_capture"]

#: The data of a frame that has none.
NO_PICTURE: NDArray[np.uint8] = np.empty((0, 0, 3), dtype=np.uint8)
_BROKEN = "the picture cannot be decoded"
_MOTION_JPEG = cv2.VideoWriter.fourcc(*"MJPG")
#: Beyond these, FFmpeg does not know and makes it up.
_MOST_FRAMES, _MOST_FPS = 1e9, 10_000


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
    """An opened capture that numbers and stamps its frames.

    Parameters
    ----------
    capture : cv2.VideoCapture
    source : str
        For the frames.
    motion_jpeg : bool
        Decode Motion JPEG here: FFmpeg would paint what is missing of a picture grey, and keep to
        the size of the first one, all without a word. Other codecs are FFmpeg's in any case.
    """

    def __init__(
        self, capture: cv2.VideoCapture, source: str, *, motion_jpeg: bool = False
    ) -> None:
        self._capture = capture
        self._undecoded = (
            motion_jpeg
            and int(capture.get(cv2.CAP_PROP_FOURCC)) == _MOTION_JPEG
            and capture.set(cv2.CAP_PROP_FORMAT, -1)
        )
        self._source = source
        self._last_ms = 0.0
        self.count = 0

    def read(self) -> Frame | None:
        """Read one frame; None when the capture gives none."""
        there, image = self._capture.read()
        if not there or image.size == 0:
            return None
        fault = ""
        if self._undecoded:
            picture = decode_jpeg(image)
            fault = _BROKEN if picture is None else ""
            image = NO_PICTURE if picture is None else picture
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        frame = Frame(self._source, self.count, time.monotonic_ns(), image, fault=fault)
        self.count += 1
        self._last_ms = self.get(cv2.CAP_PROP_POS_MSEC)
        return frame

    def read_past(self, most: int) -> list[Frame]:
        """Look for a frame behind up to ``most`` that cannot be decoded.

        Returns
        -------
        list of Frame
            One with a fault for each that could not be decoded, at least one, and then the one
            that could; empty when there is none.
        """
        for misses in range(1, most + 1):
            frame = self.read()
            if frame is not None:
                self.count += misses
                broken = replace(frame, data=NO_PICTURE, fault=_BROKEN)
                numbers = range(frame.number, frame.number + misses)
                faults = [replace(broken, number=number) for number in numbers]
                return [*faults, replace(frame, number=frame.number + misses)]
        return []

    @property
    def stated(self) -> int:
        """How many frames it should give; 0 when it does not say. Often worked out from a time."""
        frames = self.get(cv2.CAP_PROP_FRAME_COUNT)
        return round(frames) if 0 < frames < _MOST_FRAMES else 0

    @property
    def short(self) -> int:
        """How many frames before the stated end the last one was, by its time."""
        rate = self.get(cv2.CAP_PROP_FPS)
        if not self.stated or not 0 < rate < _MOST_FPS:
            return 0
        return max(0, self.stated - 1 - round(self._last_ms / 1000 * rate))

    @property
    def rest(self) -> int:
        """About how many frames there were from the last one to the stated end, at its pace."""
        rate = self.get(cv2.CAP_PROP_FPS)
        if not 0 < rate < _MOST_FPS or self.count < 2 or self._last_ms <= 0:
            return 0
        left_ms = 1000 * self.stated / rate - self._last_ms
        return max(0, round(left_ms * (self.count - 1) / self._last_ms))

    def get(self, what: int) -> float:
        """Ask the capture for one of its properties; 0 when it does not say."""
        return float(self._capture.get(what))

    def close(self) -> None:
        """Release the device or connection."""
        self._capture.release()


def frames_short(capture: Capture) -> int:
    """Return how many frames a finished video is short of what was stated; 0 for about none.

    What is stated is a guess from times, in which sound that goes on for longer counts too: only
    where the number of frames and the time of the last are both short by more than a second, frames
    are missing.
    """
    missing = min(capture.stated - capture.count, capture.short)
    return missing if missing > max(2.0, capture.get(cv2.CAP_PROP_FPS)) else 0
