"""Which faults a drill goes through, and when: ``stall=5s,black,freeze``.

Time counts in ticks of the camera, one for each picture that it should have given, so that a drill
is the same however busy the machine is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from edgecnn.errors import UsageError

__all__ = ["FAULTS", "Fault", "FaultKind", "Schedule", "parse_faults"]


@dataclass(frozen=True)
class FaultKind:
    """One way in which a camera fails.

    Attributes
    ----------
    summary : str
    seconds : float
        How long it lasts unless stated.
    """

    summary: str
    seconds: float


FAULTS: dict[str, FaultKind] = {
    "stall": FaultKind("gives nothing", 6.0),
    "black": FaultKind("black pictures, with a sensor's noise", 2.0),
    "freeze": FaultKind("the same pixels again and again", 8.0),
    "corrupt": FaultKind("pictures that cannot be decoded", 1.0),
    "garbled": FaultKind("what decoders make of a damaged JPEG", 1.0),
    "resize": FaultKind("pictures of half the size", 2.0),
    "burst": FaultKind("gives nothing, then all of it at once", 1.0),
    "wrong-shape": FaultKind("raw YUYV instead of colours: (H, W, 2)", 1.0),
    "lost": FaultKind("every read fails at once, until it is opened again", 3.0),
    "end": FaultKind("ends for good", 0.0),
}
#: What `fault:` alone goes through; `end` has to be asked for.
_ALL = ",".join(name for name in FAULTS if name != "end")

_TIME = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|min)?")
_UNITS_S = {"ms": 0.001, "s": 1.0, "min": 60.0, None: 1.0}
_LONGEST_S = 3600.0


@dataclass(frozen=True)
class Fault:
    """One fault of a drill: its kind and how long it lasts."""

    kind: str
    seconds: float

    def __str__(self) -> str:
        return self.kind if self.kind == "end" else f"{self.kind} {self.seconds:g} s"


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read a list of faults.

    Parameters
    ----------
    text : str
        Kinds in the order in which they come, each with its length if it is not the usual one;
        nothing for all of them.

    Raises
    ------
    UsageError
        An unknown kind, or a length that is none.

    Examples
    --------
    >>> [str(fault) for fault in parse_faults("stall=5s,black,freeze=500ms")]
    ['stall 5 s', 'black 2 s', 'freeze 0.5 s']
    """
    return tuple(_parse_fault(part.strip()) for part in (text or _ALL).split(","))


def _parse_fault(part: str) -> Fault:
    kind, equals, length = part.partition("=")
    if kind not in FAULTS:
        raise UsageError(f"unknown fault: {kind or 'nothing'}", hint=f"faults: {', '.join(FAULTS)}")
    if not equals:
        return Fault(kind, FAULTS[kind].seconds)
    match = _TIME.fullmatch(length)
    seconds = float(match[1]) * _UNITS_S[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST_S or kind == "end":
        raise UsageError(
            f"fault {kind}: {length[:40] or 'nothing'} is no length of time",
            hint="as in stall=5s, burst=500ms, lost=2min; up to an hour; `end` takes none",
        )
    return Fault(kind, seconds)


class Schedule:
    """A good stretch, a fault, a good stretch, the next fault; after the last, the first again.

    Parameters
    ----------
    faults : tuple of Fault
    fps : float
        Ticks in a second.
    every_s : float
        Length of each good stretch.

    Examples
    --------
    >>> schedule = Schedule(parse_faults("stall=1s,black=2s"), fps=10, every_s=3)
    >>> [(tick, *schedule.at(tick)) for tick in (0, 29, 30, 39, 40, 70, 90)]
    [(0, '', 30), (29, '', 30), (30, 'stall', 40), (39, 'stall', 40), (40, '', 70), \
(70, 'black', 90), (90, '', 120)]
    """

    def __init__(self, faults: tuple[Fault, ...], *, fps: float, every_s: float) -> None:
        good = max(1, round(every_s * fps))
        self._stretches: list[tuple[str, int]] = []
        for fault in faults:
            self._stretches += [("", good), (fault.kind, max(1, round(fault.seconds * fps)))]
        self._round = sum(ticks for _, ticks in self._stretches)

    def at(self, tick: int) -> tuple[str, int]:
        """Return the fault at a tick, ``""`` for none, and the tick at which that is over."""
        start = tick - tick % self._round
        for kind, ticks in self._stretches:
            if tick < start + ticks:
                return kind, start + ticks
            start += ticks
        raise AssertionError("a round is the sum of its stretches")
