"""Alarms on a live ECG, each with a limit to go on and another to go off.

Between the two limits an alarm stays what it is, so that a value that sways about one limit does
not ring at every beat (hysteresis). Research software: no medical device, no patient monitor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edgecnn.errors import UsageError

__all__ = ["ALARM_KINDS", "AlarmEvent", "AlarmLimits", "Alarms", "alarm_limits"]


@dataclass(frozen=True)
class AlarmKind:
    """One kind of alarm.

    Attributes
    ----------
    title, unit : str
    on, off : float
        Limits unless others are given. Where ``on`` is the greater, high values ring.
    """

    title: str
    unit: str
    on: float
    off: float

    @property
    def rings_high(self) -> bool:
        """Whether it is high values that ring."""
        return self.on >= self.off


#: By name. The values: heart rate (two), seconds since the last R peak, V beats in succession,
#: share of V among the classified beats of the window, seconds without signal, and seconds in which
#: the signal is flat, saturated or noise.
ALARM_KINDS: Mapping[str, AlarmKind] = {
    "tachycardia": AlarmKind("heart rate is high", "/min", 120, 110),
    "bradycardia": AlarmKind("heart rate is low", "/min", 45, 50),
    "pause": AlarmKind("no beat", "s", 3, 3),
    "v-run": AlarmKind("ventricular beats in succession", "beats", 3, 3),
    "pvc-burden": AlarmKind("many ventricular beats", "%", 10, 8),
    "no-signal": AlarmKind("no signal", "s", 2, 1),
    "poor-signal": AlarmKind("the signal is of no use", "s", 5, 1),
}

_FORM = re.compile(r"(?P<name>[a-z-]+)=(?P<on>off|[0-9.]+)(?:/(?P<off>[0-9.]+))?")


@dataclass(frozen=True)
class AlarmLimits:
    """Limits of one alarm: it goes on at ``on`` and off at ``off``."""

    on: float
    off: float


@dataclass(frozen=True)
class AlarmEvent:
    """An alarm that went on or off.

    Attributes
    ----------
    name : str
    on : bool
    time_s : float
        Within the stream.
    value : float or None
        What made it change; None when there is no value any more.
    """

    name: str
    on: bool
    time_s: float
    value: float | None

    def __str__(self) -> str:
        kind = ALARM_KINDS[self.name]
        # When a pause is over, the time since the last beat says nothing.
        told = self.value is not None and (self.on or kind.unit != "s")
        value = f" ({self.value:.3g} {kind.unit})" if told else ""
        return f"alarm {'on' if self.on else 'off'}: {kind.title}{value}"


def alarm_limits(texts: Iterable[str]) -> dict[str, AlarmLimits]:
    """Return the limits of all alarms, changed as the texts say.

    Parameters
    ----------
    texts : iterable of str
        ``NAME=ON``, ``NAME=ON/OFF`` or ``NAME=off``. Without ``OFF`` the usual distance is kept.

    Raises
    ------
    UsageError
        No such alarm, no number, or limits in the wrong order.

    Examples
    --------
    >>> limits = alarm_limits(["tachycardia=140", "pause=off"])
    >>> limits["tachycardia"], "pause" in limits
    (AlarmLimits(on=140.0, off=130.0), False)
    """
    limits = {name: AlarmLimits(kind.on, kind.off) for name, kind in ALARM_KINDS.items()}
    for text in texts:
        match = _FORM.fullmatch(text)
        kind = ALARM_KINDS.get(match["name"]) if match else None
        if match is None or kind is None:
            raise UsageError(
                f"no alarm is set by {text!r}",
                hint=f"NAME=ON/OFF or NAME=off; alarms: {', '.join(ALARM_KINDS)}",
            )
        if match["on"] == "off":
            limits.pop(match["name"], None)
            continue
        try:
            on = float(match["on"])
            off = float(match["off"]) if match["off"] else on + kind.off - kind.on
        except ValueError:
            raise UsageError(f"{text!r}: a limit is no number") from None
        if on != off and (on > off) != kind.rings_high and kind.on != kind.off:
            order = "not above" if kind.rings_high else "not below"
            raise UsageError(f"{text!r}: the second limit, where it goes off, is {order} the first")
        limits[match["name"]] = AlarmLimits(on, max(0.0, off))
    return limits


class Alarms:
    """Follows values of a stream and says which alarms are on.

    Parameters
    ----------
    limits : mapping of str to AlarmLimits
        From :func:`alarm_limits`.

    Examples
    --------
    >>> alarms = Alarms(alarm_limits([]))
    >>> for second, rate in enumerate((100, 121, 115, 119, 108)):
    ...     for event in alarms.update(second, {"tachycardia": rate}):
    ...         print(event.time_s, event)
    1 alarm on: heart rate is high (121 /min)
    4 alarm off: heart rate is high (108 /min)
    """

    def __init__(self, limits: Mapping[str, AlarmLimits]) -> None:
        self._limits = dict(limits)
        self._on: dict[str, tuple[float, float]] = {}

    @property
    def titles(self) -> tuple[str, ...]:
        """Say for people what is on."""
        return tuple(ALARM_KINDS[name].title for name in self._on)

    def rows(self) -> list[dict[str, Any]]:
        """Return what is on as plain data: name, title, since when, and the value by then."""
        return [
            {
                "name": name,
                "title": ALARM_KINDS[name].title,
                "since_s": round(since_s, 3),
                "value": round(value, 3),
                "unit": ALARM_KINDS[name].unit,
            }
            for name, (since_s, value) in self._on.items()
        ]

    def update(self, time_s: float, values: Mapping[str, float | None]) -> list[AlarmEvent]:
        """Take the values at a time; return what went on or off.

        Parameters
        ----------
        time_s : float
        values : mapping of str to float or None
            By the alarm's name. A value of None is not known, and ends its alarm; one that is left
            out changes nothing.
        """
        events = []
        for name, value in values.items():
            limits = self._limits.get(name)
            if limits is None:
                continue
            sign = 1.0 if ALARM_KINDS[name].rings_high else -1.0
            if name in self._on:
                below = value is not None and sign * value < sign * limits.on
                if value is None or (below and sign * value <= sign * limits.off):
                    del self._on[name]
                    events.append(AlarmEvent(name, on=False, time_s=time_s, value=value))
            elif value is not None and sign * value >= sign * limits.on:
                self._on[name] = (time_s, value)
                events.append(AlarmEvent(name, on=True, time_s=time_s, value=value))
        return events
