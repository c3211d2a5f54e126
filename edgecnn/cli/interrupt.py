"""Ctrl-C and SIGTERM: one line and one exit code, at whatever moment they come.

Python raises ``KeyboardInterrupt`` wherever the program happens to be. In the middle of an import,
which is where a command spends its first second, that is unsafe: extension modules swallow it, or
go on half loaded and fail later with an error that has nothing to do with it. So a signal during
an import ends the process at once; nothing has been begun that would need an orderly end. At any
other time it unwinds the command as usual, so that no half-written file stays behind.
"""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

__all__ = ["Terminated", "exit_code_of", "give_signals_back", "take_signals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: ``timeout`` and some shells send a signal twice, to the process and to its group.
_SAME_S = 0.5

_SHOW_CURSOR = b"\x1b[?25h"


class Terminated(KeyboardInterrupt):
    """SIGTERM, which unwinds a command as Ctrl-C does."""


class _Handler:
    """Ends the process by exception, or at once where an exception would get lost."""

    def __init__(self) -> None:
        self._first: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is not None:
            if now - self._first < _SAME_S:
                return
            _leave(number)  # asked twice: the orderly end takes too long
        self._first = now
        if _is_importing(frame):
            _leave(number)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated


def take_signals() -> None:
    """Handle SIGINT and SIGTERM, unless whoever started this ignores them (a shell's ``&``)."""
    handler = _Handler()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def give_signals_back() -> None:
    """Let signals end the process as the system does: while the interpreter winds up."""
    for number in _SIGNALS:
        if isinstance(signal.getsignal(number), _Handler):
            signal.signal(number, signal.SIG_DFL)


def exit_code_of(error: BaseException) -> int:
    """Return 128 + the signal behind an exception, or behind what click made of it.

    Examples
    --------
    >>> exit_code_of(KeyboardInterrupt()), exit_code_of(Terminated())
    (130, 143)
    """
    terminated = isinstance(error, Terminated) or isinstance(error.__cause__, Terminated)
    return 128 + (signal.SIGTERM if terminated else signal.SIGINT)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave(number: int) -> None:
    """End now. A bar that hides the cursor may be up, and will not be able to bring it back."""
    said = b"error: interrupted\n" if number == signal.SIGINT else b"error: terminated\n"
    try:
        os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + said)
    finally:
        os._exit(128 + number)
