"""A window with the annotated picture, where there is a display."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.answer import Answer, Summary
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.overlay import badge
from edgecnn.runtime.sinks.base import Sink, StreamInfo

__all__ = ["Window", "window_trouble"]

_ESCAPE, _NO_KEY = 27, 255
#: Resizable, of the picture's proportions, without a toolbar.
_PLAIN = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
#: How long it is shown what a key did.
_NOTICE_S = 2.5
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
    """Shows each answer; its keys stop, pause, keep and explain.

    ``q`` or Escape, or closing the window, ends the stream; space or ``p`` pauses it, ``s`` keeps a
    snapshot, ``r`` starts and ends a recording, ``e`` explains where the model allows it.

    Parameters
    ----------
    say : callable
        Hears what a key did, or why it could not.
    """

    any_thread = False

    def __init__(self, say: Callable[[str], None] = lambda text: None) -> None:
        self._title = "edgecnn"
        self._say = say
        self._stream: StreamInfo | None = None
        self._picture: NDArray[np.uint8] | None = None
        self._shown: tuple[object, str] | None = None
        self._notice, self._notice_until = "", 0.0

    def open(self, stream: StreamInfo) -> None:
        """Remember whom to stop; the window opens with the first picture, at its size."""
        self._stream = stream
        self._title = f"edgecnn: {stream.model}"

    def write(self, answer: Answer) -> None:
        """Show the picture."""
        picture = answer.picture()
        if self._picture is None:
            # Qt says of each window that OpenCV's wheel brings no typefaces; none are needed.
            os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")
            cv2.namedWindow(self._title, _PLAIN)
            cv2.resizeWindow(self._title, picture.shape[1], picture.shape[0])
        self._picture = picture
        self.idle()

    def idle(self) -> None:
        """Let the window live: redraw, keys, the close button."""
        if self._picture is None or self._stream is None:
            return
        self._show(self._picture)
        key = cv2.pollKey() & 0xFF
        if key in (ord("q"), _ESCAPE):
            self._stream.stop("key pressed")
        elif cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            self._stream.stop("window closed")
        elif key != _NO_KEY:
            self._press(chr(key).lower(), self._stream.controls)

    def close(self, summary: Summary | None) -> None:
        """Close the window."""
        if self._picture is not None:
            cv2.destroyAllWindows()
            self._picture = None

    def _press(self, key: str, controls: Controls) -> None:
        if key in (" ", "p"):
            controls.paused = not controls.paused
        elif key == "e":
            if controls.can_explain:
                controls.explain = not controls.explain
            else:
                self._tell("this model has nothing to explain with")
        elif key == "s" and controls.snapshot is not None:
            self._try(controls.snapshot, "snapshot ")
        elif key == "r" and controls.record is not None:
            self._try(controls.record, "")

    def _try(self, action: Callable[[], str], before: str) -> None:
        try:
            self._tell(before + action())
        except EdgeCNNError as error:
            self._tell(error.message)

    def _tell(self, text: str) -> None:
        self._say(text)
        self._notice, self._notice_until = text, time.monotonic() + _NOTICE_S

    def _show(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture, with what the keys have done above its footer."""
        assert self._stream is not None
        controls = self._stream.controls
        state = ["paused"] if controls.paused else []
        if controls.recording:
            state.append("recording")
        if self._notice and time.monotonic() < self._notice_until:
            state.append(self._notice)
        text = "   ".join(state)
        # While nothing changes there is nothing to draw.
        if self._shown is not None and self._shown[0] is picture and self._shown[1] == text:
            return
        self._shown = (picture, text)
        cv2.imshow(self._title, badge(picture, text) if text else picture)
