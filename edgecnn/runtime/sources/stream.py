"""A network camera or stream: RTSP over TCP, HTTP (Motion JPEG, HLS), UDP."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import cv2

from edgecnn.errors import SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.redact import redact
from edgecnn.runtime.sources.capture import Capture, frames_short, open_capture
from edgecnn.runtime.sources.refusal import PORTS, Refusal, why_refused

__all__ = ["Stream"]

_SCHEMES = ("rtsp://", "rtsps://", "http://", "https://", "rtmp://", "rtp://", "udp://", "tcp://")
_KNOCK_S = 0.5
#: To find out why it cannot be opened.
_ASK_S = 2.0


class Stream:
    """What an address streams.

    A stream of unknown length is live. An address of a finished video (it states how many frames
    it has) is read like a file.

    Parameters
    ----------
    url : str
        Its credentials are used, and never shown.
    open_s, read_s : float
        Seconds after which an address that does not answer, or a stream that gives nothing more,
        is given up. OpenCV's own limit is 30 s.
    """

    def __init__(self, url: str, *, open_s: float = 8.0, read_s: float = 5.0) -> None:
        self._url = url
        self._open_s = open_s
        self._read_s = read_s
        self.description = redact(url)
        self.live = True
        self.fps: float | None = None
        self._capture: Capture | None = None

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text is an address."""
        return text.lower().startswith(_SCHEMES)

    def reachable(self) -> bool:
        """Tell whether its host accepts connections; True where that says nothing."""
        try:
            parts = urlsplit(self._url)
            host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
        except ValueError:
            return True
        if host is None or port is None:
            return True
        try:
            socket.create_connection((host, port), timeout=_KNOCK_S).close()
        except OSError:
            return False
        return True

    def open(self) -> None:
        """Connect.

        Raises
        ------
        SourceError
            It gives no video; the error says why, where that can be found out.
        """
        limit = time.monotonic() + self._open_s
        # The time-outs work as open parameters only; set() after it comes too late.
        capture = open_capture(
            self._url,
            cv2.CAP_FFMPEG,
            {
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: self._open_s * 1000,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC: self._read_s * 1000,
            },
        )
        if not capture.isOpened():
            refusal = self._refusal(limit - time.monotonic())
            raise SourceError(
                f"{self.description} cannot be opened: {refusal.reason}", hint=refusal.hint
            )
        self._capture = Capture(capture, self.description, motion_jpeg=True)
        self.live = self._capture.get(cv2.CAP_PROP_FRAME_COUNT) <= 0
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or None

    def _refusal(self, left_s: float) -> Refusal:
        if left_s <= 0:
            return Refusal(
                f"no video came within {self._open_s:g} s",
                "check address and network; --open-timeout says how long to wait",
            )
        refusal = why_refused(self._url, within_s=min(left_s, _ASK_S))
        return refusal or Refusal(
            "what it gives is no video", "check address, user name and password"
        )

    def read(self) -> Frame | None:
        """Wait for the next picture."""
        if self._capture is None:
            raise SourceError(f"{self.description} is not open")
        frame = self._capture.read()
        if frame is None and (self.live or self._capture.count == 0):
            raise SourceError(
                f"{self.description} ended or stalled after {self._capture.count} frames",
                hint=f"it gave nothing more for up to {self._read_s:g} s",
            )
        if frame is None and (missing := frames_short(self._capture)):
            raise SourceError(
                f"{self.description} ended {missing} frames early, after {self._capture.count}",
                hint="was the connection lost?",
            )
        return frame

    def close(self) -> None:
        """Hang up."""
        if self._capture is not None:
            self._capture.close()
            self._capture = None
