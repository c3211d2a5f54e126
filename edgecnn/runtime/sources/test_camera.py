"""A camera that draws what it shows: ``test:``, ``test:digits?fps=60&seed=1``.

It needs no hardware, gives the same frames for the same seed, and knows the right answer to each.
"""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import UsageError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.digits import Handwriting, draw_digit, handwriting
from edgecnn.runtime.sources.options import Options

__all__ = ["TestCamera"]

_PREFIX = "test:"
_NOISE_FRAMES = 8
#: Blue, green, red. The first alone where there is one digit.
_COLOURS = (
    (232, 238, 240),
    (80, 200, 255),
    (120, 230, 120),
    (255, 180, 90),
    (150, 140, 255),
)


class TestCamera:
    """Moving, turning, hand-written digits, one after the other.

    Parameters
    ----------
    text : str
        ``test:`` or ``test:digits`` with the options ``fps`` (30), ``seed`` (0), ``size``
        (640x480), ``hold`` (seconds per digit, 1), ``frames`` (how many before it ends; 0 for
        ever), ``pace`` (``live`` as a camera does, or ``free``: as fast as they are read, and
        every frame is processed), ``count`` (digits in a picture at once, 1 to 9: for detectors).

    Examples
    --------
    >>> camera = TestCamera("test:digits?frames=2&pace=free")
    >>> camera.open(); frame = camera.read()
    >>> frame.data.shape, frame.truth in set("0123456789")
    ((480, 640, 3), True)
    """

    __test__ = False  # not a test case, whatever pytest thinks of its name

    def __init__(self, text: str = "test:digits") -> None:
        name, options = Options.split(text)
        if name not in (_PREFIX, f"{_PREFIX}digits"):
            raise UsageError(
                f"unknown test camera: {name}", hint="test:digits draws digits for picture models"
            )
        # Slower than that, and the stream would count as stalled.
        rate = options.number("fps", 30.0, least=0.2, most=1000)
        self.fps: float | None = rate
        self._interval_ns = int(1e9 / rate)
        self._seed = options.integer("seed", 0)
        self._width, self._height = options.size("size", (640, 480))
        self._hold = max(1, round(options.number("hold", 1.0) * rate))
        self._frames = options.integer("frames", 0)
        self.live = options.choice("pace", "live", ("live", "free")) == "live"
        self._digits_at_once = int(options.choice("count", "1", tuple("123456789")))
        options.finish()
        self.description = f"{_PREFIX}digits ({self._width}x{self._height}, {self.fps:g} fps)"
        self._noise = self._make_noise()
        self._order: dict[int, list[str]] = {}
        self._count = 0
        self._due_ns = 0

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text names a test camera."""
        return text.startswith(_PREFIX)

    def open(self) -> None:
        """Start at frame 0."""
        self._count = 0
        self._due_ns = time.monotonic_ns()

    def read(self) -> Frame | None:
        """Wait until the next frame is due, and draw it."""
        if self._frames and self._count >= self._frames:
            return None
        number = self._count
        self._count += 1
        data = self.picture(number)
        if self.live:
            wait = (self._due_ns - time.monotonic_ns()) / 1e9
            if wait > 0:
                time.sleep(wait)
            # A machine that was held up goes on from now; it does not catch up in a burst.
            self._due_ns = max(self._due_ns, time.monotonic_ns() - self._interval_ns)
            self._due_ns += self._interval_ns
        return Frame(
            f"{_PREFIX}digits", number, time.monotonic_ns(), data, truth=self.label(number)
        )

    def close(self) -> None:
        """Nothing to let go of."""

    def label(self, number: int) -> str:
        """Return the digit that a frame shows; all ten come up before one comes again.

        Several are in the order of their places, row by row, with a space between.
        """
        first = number // self._hold * self._digits_at_once
        return " ".join(self._digit(first + i) for i in range(self._digits_at_once))

    def picture(self, number: int) -> NDArray[np.uint8]:
        """Draw one frame, shape ``(H, W, 3)``: it depends on number, options and size alone."""
        place, step = divmod(number, self._hold)
        canvas = self._noise[number % _NOISE_FRAMES].copy()
        for i, (x, y, scale) in enumerate(self._cells()):
            drawn = place * self._digits_at_once + i
            hand = _moved(handwriting(self._seed, drawn), drawn, step / self._hold)
            hand = dataclasses.replace(
                hand, x=x + scale * hand.x, y=y + scale * hand.y, height=scale * hand.height
            )
            draw_digit(canvas, self._digit(drawn), hand, _COLOURS[i % len(_COLOURS)])
        return canvas

    def _cells(self) -> list[tuple[float, float, float]]:
        """Return centre and size of each digit's room, in heights of the picture."""
        count = self._digits_at_once
        if count == 1:
            return [(0.0, 0.0, 1.0)]
        across = self._width / self._height
        columns = min(count, max(1, math.ceil(math.sqrt(count * across) - 0.2)))
        rows = math.ceil(count / columns)
        scale = min(1 / rows, across / columns)
        return [
            (
                across * ((i % columns + 0.5) / columns - 0.5),
                (i // columns + 0.5) / rows - 0.5,
                scale,
            )
            for i in range(count)
        ]

    def _digit(self, drawn: int) -> str:
        return self._digits(drawn // 10)[drawn % 10]

    def _digits(self, turn: int) -> list[str]:
        if turn not in self._order:
            random = np.random.default_rng([self._seed, turn, 10])
            self._order = {turn: [str(d) for d in random.permutation(10)]}
        return self._order[turn]

    def _make_noise(self) -> list[NDArray[np.uint8]]:
        """Dark frames with a little sensor noise, so that no two frames are equal."""
        random = np.random.default_rng([self._seed, 1])
        shape = (_NOISE_FRAMES, self._height, self._width)
        return [
            np.repeat(grey[:, :, None], 3, axis=2)
            for grey in random.integers(6, 14, size=shape, dtype=np.uint8)
        ]


def _moved(hand: Handwriting, drawn: int, share: float) -> Handwriting:
    """Sway and turn a digit: ``share`` of its time is over."""
    phase = 2 * np.pi * share
    sway = 1.0 if drawn % 2 else -1.0
    return dataclasses.replace(
        hand,
        x=hand.x + 0.035 * sway * float(np.sin(phase)),
        y=hand.y + 0.025 * float(np.sin(2 * phase)),
        turn=hand.turn + 0.08 * sway * float(np.sin(phase)),
        height=hand.height * (1 + 0.03 * float(np.cos(phase))),
    )
