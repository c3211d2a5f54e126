"""What a screen shows: ``screen:``, ``screen:2?region=100,100,640,480&fps=10``."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from edgecnn.errors import MissingPackageError, SourceError, UsageError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.options import Options

if TYPE_CHECKING:
    from mss import MSS

__all__ = ["Screen"]

_PREFIX = "screen:"
_REGION = re.compile(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})")


class Screen:
    """A monitor, or a part of one, looked at so many times a second.

    Parameters
    ----------
    text : str
        ``screen:`` for all monitors as one picture, ``screen:1`` for the first, with the options
        ``region=LEFT,TOP,WIDTH,HEIGHT`` in its pixels, and ``fps`` (10).
    """

    live = True

    def __init__(self, text: str = _PREFIX) -> None:
        name, options = Options.split(text)
        number = name.removeprefix(_PREFIX)
        if number and not re.fullmatch(r"[0-9]{1,2}", number):
            raise UsageError(f"no such screen: {number[:40]}", hint="screen:, screen:1, screen:2")
        self._number = int(number or 0)
        self.fps: float | None = options.number("fps", 10.0, least=0.2, most=240)
        self._interval_s = 1 / (self.fps or 10.0)
        region = options.text("region", "")
        match = _REGION.fullmatch(region)
        if region and (match is None or not int(match[3]) or not int(match[4])):
            raise UsageError(
                f"source {name}: region={region[:40]} is not LEFT,TOP,WIDTH,HEIGHT in pixels"
            )
        self._region = tuple(map(int, match.groups())) if match else None
        options.finish()
        self.description = f"{_PREFIX}{number}"
        self._grabber: MSS | None = None
        self._area: dict[str, int] = {}
        self._count = 0
        self._due = 0.0

    @staticmethod
    def matches(text: str) -> bool:
        """Tell whether a source's text names a screen."""
        return text.startswith(_PREFIX)

    def open(self) -> None:
        """Find the monitor.

        Raises
        ------
        MissingPackageError
            The package that reads screens is not installed.
        SourceError
            There is no display, or no such monitor or region.
        """
        try:
            import mss
            from mss.exception import ScreenShotError
        except ModuleNotFoundError:
            raise MissingPackageError(
                "screen: takes the package mss", hint="pip install 'edgecnn[screen,cpu]'"
            ) from None
        if sys.platform == "linux" and not os.environ.get("DISPLAY"):
            wayland = bool(os.environ.get("WAYLAND_DISPLAY"))
            raise SourceError(
                "screen: there is no X display to look at",
                hint="Wayland shows its screen to nobody: log in to an X session"
                if wayland
                else "DISPLAY names one, for example DISPLAY=:0",
            )
        try:
            self._grabber = mss.MSS()
            monitors = self._grabber.monitors
        except (ScreenShotError, OSError) as error:
            raise SourceError(
                f"screen: the display cannot be read: {error}", hint="is DISPLAY right?"
            ) from error
        if self._number >= len(monitors):
            raise SourceError(
                f"there is no screen {self._number}", hint=f"there are {len(monitors) - 1}"
            )
        self._area = self._within(dict(monitors[self._number]))
        size = f"{self._area['width']}x{self._area['height']}"
        self.description = f"{_PREFIX}{self._number or ''} ({size}, {self.fps:g} fps)"
        self._due = time.monotonic()

    def read(self) -> Frame | None:
        """Wait until the next look is due."""
        if self._grabber is None:
            raise SourceError("screen: is not open")
        time.sleep(max(0.0, self._due - time.monotonic()))
        # A machine that was held up goes on from now.
        self._due = max(self._due, time.monotonic() - self._interval_s) + self._interval_s
        from mss.exception import ScreenShotError

        try:
            shot = self._grabber.grab(self._area)
        except ScreenShotError as error:
            raise SourceError(f"{self.description} cannot be read any more: {error}") from error
        data = np.ascontiguousarray(np.asarray(shot)[:, :, :3])
        number = self._count
        self._count += 1
        return Frame(_PREFIX, number, time.monotonic_ns(), data)

    def close(self) -> None:
        """Let go of the display."""
        if self._grabber is not None:
            self._grabber.close()
            self._grabber = None

    def _within(self, monitor: dict[str, int]) -> dict[str, int]:
        area = {key: int(monitor[key]) for key in ("left", "top", "width", "height")}
        if self._region is None:
            return area
        left, top, width, height = self._region
        if left + width > area["width"] or top + height > area["height"]:
            raise SourceError(
                f"the region lies outside of the screen, which is {area['width']}x{area['height']}"
            )
        left, top = area["left"] + left, area["top"] + top
        return {"left": left, "top": top, "width": width, "height": height}
