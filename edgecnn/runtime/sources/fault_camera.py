"""A camera that fails on purpose: ``fault:stall=5s,black,freeze,corrupt,resize,burst``.

It draws the test camera's digits with a time code at the edge, and goes through its faults in the
order given, for people who want to see what becomes of them, and for tests.
"""

from __future__ import annotations

import math
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import SourceError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.capture import NO_PICTURE
from edgecnn.runtime.sources.fault_schedule import Schedule, parse_faults
from edgecnn.runtime.sources.options import Options
from edgecnn.runtime.sources.test_camera import TestCamera
from edgecnn.runtime.sources.timecode import TimeCode, draw_timecode

__all__ = ["FaultCamera"]

_PREFIX = "fault:"
#: The answer to a picture that shows nothing.
_NO_ANSWER = "unknown"
#: What decoders put where a JPEG has nothing to say.
_GREY = 128


class FaultCamera:
    """Moving digits with a time code, and faults in between.

    A frame's ``number`` counts what the camera gave; its time code counts what it should have
    given, so that a gap shows. ``truth`` is the digit, ``"unknown"`` where no picture can be
    answered (black, corrupt, of a wrong shape), and None where it depends on how soon the fault is
    noticed (frozen, garbled).

    Parameters
    ----------
    text : str
        ``fault:`` and a list of faults (:data:`~edgecnn.runtime.sources.fault_schedule.FAULTS`;
        all of them when it is empty), with the options ``fps`` (30), ``seed`` (0), ``size``
        (640x480), ``every`` (seconds without a fault before each, 2), ``hold`` (seconds per digit,
        1), ``frames`` (how many before it ends; 0 for ever), ``pace`` (``live``, or ``free``: only
        faults take time, and every frame is processed).
    read_s : float
        Seconds without a picture after which a read fails.

    Examples
    --------
    >>> camera = FaultCamera("fault:black=1s?fps=10&every=1&pace=free&frames=11")
    >>> camera.open()
    >>> [camera.read().truth for _ in range(11)][-2:]
    ['8', 'unknown']
    """

    def __init__(self, text: str = _PREFIX, *, read_s: float = math.inf) -> None:
        name, options = Options.split(text)
        faults = parse_faults(name.removeprefix(_PREFIX))
        rate = options.number("fps", 30.0, least=1, most=1000)
        self.fps: float | None = rate
        self._rate = rate
        self._interval_ns = round(1e9 / rate)
        self._seed = options.integer("seed", 0)
        width, height = options.size("size", (640, 480))
        every_s = options.number("every", 2.0, least=0.1, most=3600)
        hold_s = options.number("hold", 1.0)
        self._frames = options.integer("frames", 0)
        self.live = options.choice("pace", "live", ("live", "free")) == "live"
        options.finish()
        self.schedule = Schedule(faults, fps=rate, every_s=every_s)
        self._camera, self._smaller = (
            TestCamera(f"test:digits?size={w}x{h}&fps={rate}&hold={hold_s}&seed={self._seed}")
            for w, h in ((width, height), (max(16, width // 2), max(16, height // 2)))
        )
        self.description = (
            f"fault drill ({width}x{height}, {rate:g} fps, {every_s:g} s apart: "
            f"{', '.join(map(str, faults))})"
        )
        self._tick = self._count = 0
        self._read_s = read_s
        self._due_ns = self._back_ns = self._silent_until_ns = 0
        self._lost = False
        self._withheld = range(0)
        self._waiting: deque[Frame] = deque()

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text names a fault drill."""
        return text.startswith(_PREFIX)

    def reachable(self) -> bool:
        """Tell whether opening it may work: not while it is lost."""
        return time.monotonic_ns() >= self._back_ns

    def open(self) -> None:
        """Start, or go on after it was lost.

        Raises
        ------
        SourceError
            It is still lost.
        """
        if not self.reachable():
            raise SourceError("the drill's camera cannot be reached: it is lost on purpose")
        self._lost = False
        self._due_ns = time.monotonic_ns()

    def read(self) -> Frame | None:
        """Wait until the next frame is due, and draw it.

        Raises
        ------
        SourceError
            It is lost, until it is opened again.
        """
        if self._waiting:
            return self._waiting.popleft()
        if self._frames and self._count >= self._frames:
            return None
        self._begin_silence()
        if self._lost:
            raise SourceError("the drill's camera is lost on purpose")
        self._wait_out_silence()
        if self._withheld:
            self._waiting.extend(self._frame("", tick) for tick in self._withheld)
            self._withheld = range(0)
            return self._waiting.popleft()
        kind, _ = self.schedule.at(self._tick)
        if kind == "end":
            return None
        if self.live:
            self._wait_for_tick()
        self._tick += 1
        return self._frame(kind, self._tick - 1)

    def close(self) -> None:
        """Forget what was not read; the drill goes on where it was when it is opened again."""
        self._waiting.clear()

    def _wait_for_tick(self) -> None:
        wait_s = (self._due_ns - time.monotonic_ns()) / 1e9
        if wait_s > 0:
            time.sleep(wait_s)
        # A machine that was held up goes on from now; bursts are for those who ask for them.
        self._due_ns = max(self._due_ns, time.monotonic_ns() - self._interval_ns)
        self._due_ns += self._interval_ns

    def _begin_silence(self) -> None:
        """Go to the end of a stretch in which nothing comes, and note when that will be."""
        kind, over = self.schedule.at(self._tick)
        if kind not in ("stall", "burst", "lost"):
            return
        now = time.monotonic_ns()
        start = max(self._due_ns, now - self._interval_ns) if self.live else now
        until = start + (over - self._tick) * self._interval_ns
        if kind == "lost":
            self._lost, self._back_ns = True, until
        else:
            self._silent_until_ns = until
        if kind == "burst":
            self._withheld = range(self._tick, over)
        self._tick = over

    def _wait_out_silence(self) -> None:
        """Give nothing for a while, whatever the pace: without it there is no fault."""
        left_s = (self._silent_until_ns - time.monotonic_ns()) / 1e9
        if left_s <= 0:
            return
        time.sleep(min(left_s, self._read_s))
        if left_s > self._read_s:
            raise SourceError(f"the drill's camera gave nothing for {self._read_s:g} s")
        self._due_ns = self._silent_until_ns

    def _frame(self, kind: str, tick: int) -> Frame:
        fault, truth = "", self._camera.label(tick)
        if kind == "corrupt":
            data, fault = NO_PICTURE, "the picture cannot be decoded"
        elif kind == "freeze":
            first = tick
            while self.schedule.at(first - 1)[0] == kind:
                first -= 1
            data = self._picture(self._camera, first - 1)
        elif kind == "black":
            data = self._random(tick).integers(0, 4, self._camera.picture(0).shape, np.uint8)
        elif kind == "garbled":
            data = self._garbled(tick)
        elif kind == "wrong-shape":
            data = np.ascontiguousarray(self._picture(self._camera, tick)[:, :, :2])
        else:
            data = self._picture(self._smaller if kind == "resize" else self._camera, tick)
        answer: str | None = truth if kind in ("", "resize") else _NO_ANSWER
        if kind in ("freeze", "garbled"):
            answer = None
        number = self._count
        self._count += 1
        return Frame(_PREFIX, number, time.monotonic_ns(), data, truth=answer, fault=fault)

    def _picture(self, camera: TestCamera, tick: int) -> NDArray[np.uint8]:
        picture = camera.picture(tick)
        draw_timecode(picture, TimeCode(tick, round(1000 * tick / self._rate)))
        return picture

    def _garbled(self, tick: int) -> NDArray[np.uint8]:
        """Return what decoders make of a damaged JPEG: shifted and off-colour, then grey."""
        picture, random = self._picture(self._camera, tick), self._random(tick)
        height, width = picture.shape[:2]
        damaged, missing = np.sort(random.integers(1, max(2, height // 16), 2)) * 16
        across = int(random.integers(1, max(2, width // 16))) * 16
        below = np.roll(picture[damaged:], across, axis=1).astype(np.int16)
        picture[damaged:] = np.clip(below + random.integers(-90, 91, 3), 0, 255)
        picture[missing : missing + 16, across:] = _GREY
        picture[missing + 16 :] = _GREY
        return picture

    def _random(self, tick: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, tick])
