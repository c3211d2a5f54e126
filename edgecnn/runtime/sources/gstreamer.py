"""A GStreamer pipeline: ``v4l2src ! videoconvert ! appsink``."""

from __future__ import annotations

import re

import cv2

from edgecnn.errors import SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import Capture, open_capture

__all__ = ["GStreamer", "require_gstreamer"]


def require_gstreamer() -> None:
    """See that this OpenCV can run pipelines.

    Raises
    ------
    SourceError
        It cannot; pip's never can.
    """
    if not re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()):
        raise SourceError(
            "this OpenCV has no GStreamer in it",
            hint="pip's never has: use the system's (apt install python3-opencv, and a virtual "
            "environment with --system-site-packages), or pipe pictures in: --source stdin:raw",
        )


class GStreamer:
    """What comes out of a pipeline. It is a program: only the command line may bring one.

    Parameters
    ----------
    pipeline : str
        With an ``appsink`` at its end, which is added where there is none.
    """

    live = True

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline.strip()
        if "appsink" not in self._pipeline.rpartition("!")[2]:
            self._pipeline += " ! videoconvert ! video/x-raw,format=BGR ! appsink drop=1"
        first = self._pipeline.split(maxsplit=1)[0]
        #: Without its properties: they may hold credentials.
        self.description = f"pipeline of {first}"
        self.fps: float | None = None
        self._capture: Capture | None = None

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text is a pipeline."""
        return " ! " in text

    def open(self) -> None:
        """Start the pipeline."""
        require_gstreamer()
        capture = open_capture(self._pipeline, cv2.CAP_GSTREAMER)
        if not capture.isOpened():
            raise SourceError(
                f"the {self.description} does not start", hint="try it with gst-launch-1.0 first"
            )
        self._capture = Capture(capture, self.description)
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or None

    def read(self) -> Frame | None:
        """Wait for the next picture."""
        if self._capture is None:
            raise SourceError(f"the {self.description} is not running")
        frame = self._capture.read()
        if frame is None:
            raise SourceError(f"the {self.description} ended after {self._capture.count} frames")
        return frame

    def close(self) -> None:
        """Stop the pipeline."""
        if self._capture is not None:
            self._capture.close()
            self._capture = None
