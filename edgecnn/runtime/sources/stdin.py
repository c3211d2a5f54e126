"""Pictures from standard input: ``-``, ``stdin:mjpeg``, ``stdin:raw?size=640x480&format=bgr24``.

For what other programs capture: ``rpicam-vid``, ``ffmpeg``, ``gst-launch-1.0``.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import NO_PICTURE
from edgecnn.runtime.sources.jpeg import decode_jpeg
from edgecnn.runtime.sources.jpeg_split import JpegSplitter
from edgecnn.runtime.sources.options import Options

__all__ = ["Stdin"]

_NAMES = ("-", "stdin:mjpeg", "stdin:raw")
#: By FFmpeg's names of pixel formats: conversion to BGR, bytes for 2 pixels, rows for 2 rows.
_FORMATS: dict[str, tuple[int | None, int, int]] = {
    "bgr24": (None, 6, 2),
    "rgb24": (cv2.COLOR_RGB2BGR, 6, 2),
    "gray": (cv2.COLOR_GRAY2BGR, 2, 2),
    "bgra": (cv2.COLOR_BGRA2BGR, 8, 2),
    "rgba": (cv2.COLOR_RGBA2BGR, 8, 2),
    "yuyv422": (cv2.COLOR_YUV2BGR_YUYV, 4, 2),
    "uyvy422": (cv2.COLOR_YUV2BGR_UYVY, 4, 2),
    "nv12": (cv2.COLOR_YUV2BGR_NV12, 2, 3),
    "yuv420p": (cv2.COLOR_YUV2BGR_I420, 2, 3),
}
_READ = 1 << 18
#: How often a read that waits looks whether it was interrupted.
_LOOK_S = 0.1


class Stdin:
    """Raw pictures of one size, or JPEGs one after the other, from a pipe.

    Every picture is answered and the pipe waits, unless the newest is asked for.

    Parameters
    ----------
    text : str
        ``-`` or ``stdin:mjpeg``; ``stdin:raw`` with the options ``size`` (640x480) and ``format``
        (bgr24, rgb24, gray, bgra, rgba, yuyv422, uyvy422, nv12, yuv420p). Both take ``fps``, which
        says how many there are in a second.
    live : bool
        Only the newest picture matters.
    read_s : float
        Seconds without a byte after which the source has failed.
    descriptor : int, optional
        What stands for standard input.
    """

    #: It cannot be opened again.
    reopening = False

    def __init__(
        self, text: str, *, live: bool = False, read_s: float = 5.0, descriptor: int | None = None
    ) -> None:
        name, options = Options.split(text)
        self._raw = name == "stdin:raw"
        self.live = live
        self._read_s = read_s
        self._descriptor = descriptor
        self.fps: float | None = options.number("fps", 0.0, least=0.01, most=10_000) or None
        self.description = "stdin (Motion JPEG)"
        if self._raw:
            self._width, self._height = options.size("size", (640, 480))
            form = options.choice("format", "bgr24", tuple(_FORMATS))
            self._conversion, self._per_two, self._rows = _FORMATS[form]
            self.description = f"stdin ({self._width}x{self._height} {form})"
            shared = "yuv" in form or "yvy" in form or form == "nv12"
            if shared and (self._width % 2 or self._height % 2):
                raise UsageError(f"{form} pictures have an even width and height")
        options.finish()
        self._splitter = JpegSplitter()
        self._buffer = bytearray()
        self._pictures: deque[bytes] = deque()
        self._interrupted = threading.Event()
        self._count = 0

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text means standard input."""
        return text.partition("?")[0] in _NAMES

    def open(self) -> None:
        """See that something is connected to it."""
        if self._descriptor is None:
            if sys.stdin is None or sys.stdin.closed:
                raise SourceError("standard input is closed")
            self._descriptor = sys.stdin.fileno()
        if os.isatty(self._descriptor):
            raise SourceError(
                "standard input is a terminal, not a pipe with pictures",
                hint="rpicam-vid -t 0 --codec mjpeg -o - | edgecnn live MODEL --source -",
            )

    def read(self) -> Frame | None:
        """Wait for the next picture.

        Raises
        ------
        SourceError
            Nothing came in time, or nothing that is a picture.
        """
        while not self._pictures:
            data = self._receive()
            if data is None:
                return None
            if not data:
                return self._last()
            self._take(data)
        return self._frame(self._pictures.popleft())

    def interrupt(self) -> None:
        """End a read that waits; called from another thread."""
        self._interrupted.set()

    def close(self) -> None:
        """Nothing: standard input is not ours to close."""

    def _receive(self) -> bytes | None:
        """Return what came, empty at the end, None when interrupted."""
        assert self._descriptor is not None
        limit = time.monotonic() + self._read_s
        while not self._interrupted.is_set():
            ready, _, _ = select.select([self._descriptor], [], [], _LOOK_S)
            if ready:
                return os.read(self._descriptor, _READ)
            if time.monotonic() > limit:
                raise SourceError(
                    f"{self.description} gave nothing for {self._read_s:g} s",
                    hint="--read-timeout says how long to wait",
                )
        return None

    def _take(self, data: bytes) -> None:
        if not self._raw:
            self._pictures.extend(self._splitter.feed(data))
            return
        self._buffer += data
        size = self._width * self._height * self._per_two * self._rows // 4
        whole = len(self._buffer) // size * size
        self._pictures.extend(
            bytes(self._buffer[start : start + size]) for start in range(0, whole, size)
        )
        del self._buffer[:whole]

    def _last(self) -> Frame | None:
        """Tell of a picture that the stream broke off in."""
        rest = bytes(self._buffer) if self._raw else self._splitter.rest()
        self._buffer.clear()
        self._splitter = JpegSplitter()
        if not rest and not self._count:
            wanted = "picture of that size" if self._raw else "JPEG"
            raise SourceError(
                f"{self.description} ended without a {wanted} in it",
                hint="stdin:mjpeg reads JPEGs one after the other; "
                "stdin:raw?size=640x480&format=bgr24 reads raw pictures",
            )
        return self._frame(rest) if rest else None

    def _frame(self, data: bytes) -> Frame:
        picture = self._from_raw(data) if self._raw else decode_jpeg(data)
        fault = ""
        if picture is None:
            picture = NO_PICTURE
            fault = "the stream ended within a picture" if self._raw else "a JPEG that is not whole"
        number = self._count
        self._count += 1
        return Frame("stdin", number, time.monotonic_ns(), picture, fault=fault)

    def _from_raw(self, data: bytes) -> NDArray[np.uint8] | None:
        if len(data) < self._width * self._height * self._per_two * self._rows // 4:
            return None
        shape = (self._height * self._rows // 2, self._width, self._per_two // 2)
        flat = np.frombuffer(data, np.uint8).reshape(shape)
        if self._conversion is None:
            return flat
        return np.asarray(cv2.cvtColor(flat, self._conversion), dtype=np.uint8)
