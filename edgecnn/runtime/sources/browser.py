"""The camera of a browser that has the page open: ``browser:``, ``browser:?size=640&fps=20``."""

from __future__ import annotations

import threading
import time

from edgecnn.errors import UsageError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import NO_PICTURE
from edgecnn.runtime.sources.jpeg import decode_jpeg
from edgecnn.runtime.sources.jpeg_size import jpeg_size
from edgecnn.runtime.sources.options import Options

__all__ = ["BrowserCamera"]

_PREFIX = "browser:"
#: A small file may unpack to a picture that fills the memory.
_MOST_PIXELS = 4096 * 4096
#: Without a picture for so long, nobody's camera is on.
_AWAY_S = 1.0


class BrowserCamera:
    """Gives the newest picture that a browser sent.

    It waits for ever for one to come: who closes the page may open it again.

    Parameters
    ----------
    text : str
        ``browser:`` with the options ``size`` (pixels of the longer side that the browser is asked
        for, 640), ``fps`` (how many a second it is asked for at most, 20).

    Attributes
    ----------
    wishes : dict
        What the page is told to send: ``size`` and ``fps``.
    """

    live = True

    def __init__(self, text: str = _PREFIX) -> None:
        name, options = Options.split(text)
        if name != _PREFIX:
            raise UsageError(
                f"unknown browser source: {name}", hint="browser: or browser:?size=640&fps=20"
            )
        size = options.number("size", 640, least=64, most=2048)
        fps = options.number("fps", 20, least=0.5, most=30)
        options.finish()
        self.wishes = {"size": round(size), "fps": fps}
        self.description = "browser camera"
        # It is the browser that knows, and it may be slower.
        self.fps: float | None = None
        self._waiting: tuple[bytes, int] | None = None
        self._changed = threading.Condition()
        self._interrupted = False
        self._last = 0.0
        self._count = 0

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text means a browser's camera."""
        return text.startswith(_PREFIX)

    @property
    def reopening(self) -> bool:
        """Tell whether nobody's camera is on: that no picture comes is no stall then."""
        return time.monotonic() - self._last > _AWAY_S

    def offer(self, jpeg: bytes) -> None:
        """Leave a picture; it replaces one that was not taken yet. Safe on any thread."""
        with self._changed:
            self._waiting = (jpeg, time.monotonic_ns())
            self._last = time.monotonic()
            self._changed.notify_all()

    def open(self) -> None:
        """Be ready for pictures."""
        self._interrupted = False

    def read(self) -> Frame | None:
        """Wait for the next picture; None when it was interrupted."""
        with self._changed:
            while self._waiting is None:
                if self._interrupted:
                    return None
                self._changed.wait()
            (jpeg, captured_ns), self._waiting = self._waiting, None
        number = self._count
        self._count += 1
        size = jpeg_size(jpeg)
        if size is not None and size[0] * size[1] > _MOST_PIXELS:
            fault = f"a picture of {size[0]}x{size[1]} is too large"
            return Frame(self.description, number, captured_ns, NO_PICTURE, fault=fault)
        picture = None if size is None else decode_jpeg(jpeg)
        if picture is None:
            fault = "the browser sent no whole JPEG"
            return Frame(self.description, number, captured_ns, NO_PICTURE, fault=fault)
        return Frame(self.description, number, captured_ns, picture)

    def interrupt(self) -> None:
        """End a wait for a picture; called from another thread."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing to let go of."""
