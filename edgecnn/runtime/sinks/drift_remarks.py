"""Says when what a device sees begins to differ from what its file was calibrated with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgecnn.runtime.answer import Answer
from edgecnn.runtime.sinks.base import Sink

__all__ = ["DriftRemarks"]


class DriftRemarks(Sink):
    """Says it once when the state changes, with the statistics that are not as they were.

    Parameters
    ----------
    say : callable
        Hears a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._states: dict[str, str] = {}

    def write(self, answer: Answer) -> None:
        """Look at one answer's drift."""
        drift = answer.result.fields.get("drift")
        if not isinstance(drift, Mapping):
            return
        source, state = answer.frame.source, str(drift.get("state", "ok"))
        if state == self._states.get(source, "ok"):
            return
        self._states[source] = state
        if state == "ok":
            self._say(f"drift: {source} is again like what the file was calibrated with")
        else:
            self._say(f"drift {state}: {source}: {_signals(drift)}")


def _signals(drift: Mapping[str, Any]) -> str:
    """Return the statistics that drifted, the worst first."""
    found = [(n, s) for n, s in drift.get("signals", {}).items() if s["state"] != "ok"]
    found.sort(key=lambda pair: -pair[1]["ks"])
    return ", ".join(f"{name} (PSI {s['psi']:.2g}, KS {s['ks']:.2g})" for name, s in found)
