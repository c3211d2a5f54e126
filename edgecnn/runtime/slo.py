"""Promises about a stream that its summary keeps or breaks: ``p95=60ms``, ``fps>=25``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgecnn.errors import UsageError
from edgecnn.runtime.answer import Summary

__all__ = ["Slo", "parse_slo"]

_LATENCY = re.compile(r"(p50|p95|p99)\s*(?:=|<=)\s*(\d+(?:\.\d+)?)\s*(ms|s)")
_RATE = re.compile(r"fps\s*(?:=|>=)\s*(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Slo:
    """One promise, a service level objective.

    Attributes
    ----------
    what : str
        ``p50``, ``p95`` or ``p99`` of the latency from capture to result, or ``fps``.
    limit : float
        Most milliseconds, or least answers per second.
    """

    what: str
    limit: float

    def broken(self, summary: Summary) -> str:
        """Say how a stream broke it; empty where it kept it."""
        answered = summary.processed + summary.failed
        if not answered:
            return f"{self.what}: no frame was answered"
        if self.what == "fps":
            if summary.fps >= self.limit:
                return ""
            return f"{summary.fps:g} fps, not {self.limit:g} or more"
        found = summary.latency_ms[self.what]
        return f"{self.what} {found:g} ms, not {self.limit:g} or less" if found > self.limit else ""


def parse_slo(text: str) -> Slo:
    """Read a promise.

    Raises
    ------
    UsageError
        It is none.

    Examples
    --------
    >>> parse_slo("p95=60ms"), parse_slo("fps>=25")
    (Slo(what='p95', limit=60.0), Slo(what='fps', limit=25.0))
    """
    if match := _LATENCY.fullmatch(text.strip()):
        return Slo(match[1], float(match[2]) * (1000 if match[3] == "s" else 1))
    if match := _RATE.fullmatch(text.strip()):
        return Slo("fps", float(match[1]))
    raise UsageError(f"cannot promise {text!r}", hint="p50=, p95= or p99=60ms, or 'fps>=25'")
