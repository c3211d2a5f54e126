"""A camera of this machine: ``0``, ``/dev/video2``, ``0?size=1280x720&fps=30``."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import cv2

from edgecnn.errors import SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import Capture, open_capture
from edgecnn.runtime.sources.gstreamer import require_gstreamer
from edgecnn.runtime.sources.options import Options
from edgecnn.runtime.sources.settings import Backend

__all__ = ["Camera"]

_DEVICE = re.compile(r"(?:/dev/video)?(\d{1,3})")


class Camera:
    """A Video4Linux camera, asked for Motion JPEG.

    Parameters
    ----------
    text : str
        Index or device, with the options ``size=WIDTHxHEIGHT``, ``fps=N`` and ``fourcc=CODE``.
    read_s : float
        Seconds after which a camera that gives no picture has failed.
    backend : "auto", "v4l2" or "gstreamer"
    """

    live = True

    def __init__(self, text: str, *, read_s: float = 5.0, backend: Backend = "auto") -> None:
        name, options = Options.split(text)
        match = _DEVICE.fullmatch(name)
        if match is None:
            raise SourceError(f"not a camera: {name}", hint="0, 1, ... or /dev/video0")
        self._index = int(match[1])
        self._size = options.size("size", (640, 480))
        # The driver is asked in whole frames a second.
        self._rate = options.number("fps", 30.0, least=1, most=1000)
        self._code = options.choice("fourcc", "MJPG", ("MJPG", "YUYV", "H264", "NV12"))
        options.finish()
        self._path = Path(f"/dev/video{self._index}")
        self._read_s = read_s
        self._backend = backend
        self.description = f"camera {self._index}"
        self.fps: float | None = None
        self._capture: Capture | None = None

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text names a camera."""
        return _DEVICE.fullmatch(text.partition("?")[0]) is not None

    def reachable(self) -> bool:
        """Tell whether the device is there."""
        return self._path.exists()

    def open(self) -> None:
        """Open the device and read back what it agreed to."""
        if self._backend == "gstreamer":
            require_gstreamer()
        device = self._path
        if not device.exists():
            others = sorted(str(p) for p in Path("/dev").glob("video*"))
            raise SourceError(
                f"no camera {self._index}: {device} does not exist",
                hint=f"there are: {', '.join(others)}"
                if others
                else "this machine has none; try --source test:",
            )
        # The driver is waited for in whole seconds; OpenCV's own limit is 10.
        os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] = str(max(1, math.ceil(self._read_s)))
        # Raw pictures fill a USB 2 bus at 640x480; the code must be set before size and rate.
        capture = open_capture(
            self._index,
            cv2.CAP_GSTREAMER if self._backend == "gstreamer" else cv2.CAP_V4L2,
            {
                cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*self._code),
                cv2.CAP_PROP_FRAME_WIDTH: self._size[0],
                cv2.CAP_PROP_FRAME_HEIGHT: self._size[1],
                cv2.CAP_PROP_FPS: self._rate,
            },
        )
        if not capture.isOpened():
            raise SourceError(
                f"camera {self._index} cannot be opened",
                hint="is another program using it, and are you in the group `video`?",
            )
        self._capture = Capture(capture, f"camera {self._index}")
        get = self._capture.get
        code = int(get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("ascii", "replace")
        width, height = get(cv2.CAP_PROP_FRAME_WIDTH), get(cv2.CAP_PROP_FRAME_HEIGHT)
        self.fps = get(cv2.CAP_PROP_FPS) or None
        rate = f", {self.fps:g} fps" if self.fps else ""
        self.description = f"camera {self._index} ({width:.0f}x{height:.0f} {code}{rate})"
        asked = f"{self._size[0]}x{self._size[1]} {self._code}"
        if asked != f"{width:.0f}x{height:.0f} {code}":
            self.description = f"{self.description[:-1]}; asked for {asked})"

    def read(self) -> Frame | None:
        """Wait for the next picture."""
        if self._capture is None:
            raise SourceError(f"camera {self._index} is not open")
        frame = self._capture.read()
        if frame is None:
            raise SourceError(
                f"camera {self._index} stopped giving pictures after {self._capture.count}",
                hint="was it unplugged, or is it suspended?",
            )
        return frame

    def close(self) -> None:
        """Release the device."""
        if self._capture is not None:
            self._capture.close()
            self._capture = None
