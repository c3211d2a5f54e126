"""A window with the annotated picture, where there is a display."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2

from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["Window", "window_trouble"]

_ESCAPE = 27
_PROBE = "import cv2; cv2.namedWindow('edgecnn'); cv2.destroyAllWindows()"


def window_trouble() -> str | None:
    """Say why no window can be shown here; None when one can.

    A display that is named but does not answer ends the process from within Qt, so a child process
    tries first.
    """
    if not cv2.currentUIFramework():
        return "this OpenCV has no windows in it (opencv-python-headless)"
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return "there is no display"
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "the display does not answer"
    return "the display cannot be used" if probe.returncode else None


class Window(Sink):
    """Shows each answer; ``q`` or Escape, or closing the window, ends the stream."""

    def __init__(self) -> None:
        self._title = "edgecnn"
        self._stream: StreamInfo | None = None
        self._shown = False

    def open(self, stream: StreamInfo) -> None:
        """Remember whom to stop; the window opens with the first picture, at its size."""
        self._stream = stream
        self._title = f"edgecnn: {stream.model}"

    def write(self, answer: Answer) -> None:
        """Show the picture."""
        picture = answer.picture()
        if not self._shown:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.resizeWindow(self._title, picture.shape[1], picture.shape[0])
            self._shown = True
        cv2.imshow(self._title, picture)
        self.idle()

    def idle(self) -> None:
        """Let the window live: redraw, keys, the close button."""
        if not self._shown or self._stream is None:
            return
        key = cv2.pollKey() & 0xFF
        if key in (ord("q"), _ESCAPE):
            self._stream.stop("key pressed")
        elif cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self._stream.stop("window closed")

    def close(self, summary: Summary | None) -> None:
        """Close the window."""
        if self._shown:
            cv2.destroyAllWindows()
            self._shown = False
