"""The header of a WFDB record (WFDB Applications Guide, ``header(5)``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

from edgecnn.errors import RecordError

__all__ = ["Header", "Signal", "parse_header"]

#: What the format says of a header that leaves these out.
DEFAULT_RATE_HZ = 250.0
DEFAULT_GAIN = 200.0

_FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?")
_GAIN = re.compile(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:\(([-+]?\d+)\))?(?:/(\S+))?")
_RATE = re.compile(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:/\S*)?(?:\(\S*\))?")


@dataclass(frozen=True)
class Signal:
    """One signal line of a header.

    Attributes
    ----------
    file : str
        Name of the signal file, beside the header.
    format : str
        ``"16"``, ``"212"``, ...
    per_frame, skew, offset : int
        Samples in a frame, samples it lags, bytes before the first sample in the file.
    gain : float
        Steps per unit.
    baseline : int
        Step of 0 units.
    unit, name : str
    checksum : int or None
        Sum of all steps, modulo 2¹⁶.
    """

    file: str
    format: str
    per_frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    unit: str
    name: str
    checksum: int | None


@dataclass(frozen=True)
class Header:
    """A parsed header; ``rate_hz`` is None where the line leaves it out, ``samples`` too.

    ``segments`` are the records that this one is made of and the samples of each, for one that has
    no signals of its own; else None.
    """

    name: str
    segments: tuple[tuple[str, int], ...] | None
    rate_hz: float | None
    samples: int | None
    start: datetime | None
    signals: tuple[Signal, ...]


def parse_header(path: Path) -> Header:
    """Parse a header.

    Raises
    ------
    RecordError
        Not a header, or one with a field that is not what it must be.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise RecordError(f"{path} is empty", hint="copy the header again")
    fields = lines[0].split()
    try:
        name, _, segments = fields[0].partition("/")
        signals = int(fields[1])
        rate = _match(_RATE, fields[2])[0] if len(fields) > 2 else None
        samples = int(fields[3]) if len(fields) > 3 else None
        header = Header(
            name=name,
            segments=_segments(lines[1:], int(segments)) if segments else None,
            rate_hz=float(rate) if rate is not None else None,
            samples=samples or None,
            start=_start(fields[4:6]),
            signals=() if segments else tuple(_signal(line) for line in lines[1 : 1 + signals]),
        )
    except IndexError as error:
        raise RecordError(
            f"{path} is no WFDB header: a line is too short", hint="copy the header again"
        ) from error
    except ValueError as error:
        raise RecordError(
            f"{path} is no WFDB header: {error}", hint="copy the header again"
        ) from error
    if (samples or 0) < 0 or signals < 0:
        raise RecordError(f"{path} states a negative number", hint="copy the header again")
    if not segments and len(header.signals) != signals:
        raise RecordError(
            f"{path} promises {signals} signals and describes {len(header.signals)}",
            hint="the header is cut short: copy it again",
        )
    return header


def _segments(lines: list[str], count: int) -> tuple[tuple[str, int], ...]:
    parts = [line.split() for line in lines[:count]]
    if len(parts) != count or count < 1:
        raise ValueError(f"it promises {count} segments and names {len(parts)}")
    segments = tuple((part[0], int(part[1])) for part in parts)
    for name, samples in segments:
        if Path(name).name != name or samples < 0:
            raise ValueError(f"the segment {name!r} of {samples} samples is out of place")
    return segments


def _signal(line: str) -> Signal:
    fields = line.split(maxsplit=8)
    if fields[0] == ".." or Path(fields[0]).name != fields[0]:
        raise ValueError(f"the signal file {fields[0]!r} is not beside it")
    format_, per_frame, skew, offset = _match(_FORMAT, fields[1])
    gain, baseline, unit = _match(_GAIN, fields[2]) if len(fields) > 2 else (None, None, None)
    zero = int(fields[4]) if len(fields) > 4 else 0
    return Signal(
        file=fields[0],
        format=str(format_),
        per_frame=int(per_frame or 1),
        skew=int(skew or 0),
        offset=int(offset or 0),
        gain=float(gain or 0) or DEFAULT_GAIN,
        baseline=int(baseline) if baseline is not None else zero,
        unit=unit or "mV",
        name=fields[8] if len(fields) > 8 else "",
        checksum=int(fields[6]) if len(fields) > 6 else None,
    )


def _match(pattern: re.Pattern[str], text: str) -> tuple[str | None, ...]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is out of place")
    return match.groups()


def _start(fields: list[str]) -> datetime | None:
    """Return the start if it has a time; a time without a date says nothing to a reader."""
    if len(fields) < 2:
        return None
    try:
        hour, minute, second = ([*fields[0].split(":"), "0", "0"])[:3]
        day, month, year = fields[1].split("/")
        moment = time(int(hour), int(minute), int(float(second)))
        return datetime.combine(date(int(year), int(month), int(day)), moment)
    except ValueError:
        return None
