"""Which smoothing was asked for: ``exponential=0.5s``, ``majority=9``."""

from __future__ import annotations

import re

from edgecnn.errors import UsageError
from edgecnn.runtime.smoothing.base import Smoother
from edgecnn.runtime.smoothing.exponential import Exponential
from edgecnn.runtime.smoothing.majority import Majority

__all__ = ["make_smoother"]

_HINT = "exponential=0.5s, or majority=9"
_SPAN = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|s)")
_UNITS = {"s": 1.0, "ms": 1e-3}
#: Nobody waits longer for an answer, or remembers more frames.
_LONGEST_S, _MOST_FRAMES = 3600.0, 10_000


def make_smoother(text: str) -> Smoother:
    """Return the smoother that a text means.

    Raises
    ------
    UsageError
        It means none.

    Examples
    --------
    >>> type(make_smoother("majority=9")).__name__
    'Majority'
    """
    kind, _, amount = text.strip().partition("=")
    if kind == "exponential":
        match = _SPAN.fullmatch(amount)
        span_s = float(match[1]) * _UNITS[match[2]] if match else 0.0
        if 0 < span_s <= _LONGEST_S:
            return Exponential(span_s)
    elif kind == "majority" and amount.isdecimal() and 2 <= int(amount) <= _MOST_FRAMES:
        return Majority(int(amount))
    raise UsageError(f"cannot smooth by {text!r}", hint=_HINT)
