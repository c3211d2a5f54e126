"""HL7 annotated ECG (aECG, HL7 v3 "Annotated ECG", ANSI/HL7 V3 ECG, R1-2004).

A ``series`` (the recording) holds ``sequenceSet`` elements: a sequence of times and one sequence
for each lead, as an origin, a scale and the steps. Of several sets with the same leads and rate
each has its own place in time, and what lies between is a gap: NaN. Derived series (average beats)
are left out.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.signals import pick_signals
from edgecnn.ecg.record import Record
from edgecnn.ecg.units import is_voltage, millivolts_per
from edgecnn.errors import RecordError

__all__ = ["read"]

_LEAD = re.compile(r"MDC_ECG_LEAD_(.+)")
_TIMES = ("TIME_ABSOLUTE", "TIME_RELATIVE")
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}
_AUGMENTED = re.compile(r"AV([RLF])")
_MOST_GAPS = 100
#: How far a written step may be from that of a whole number of hertz, as a share.
_ROUNDED = 1e-4


@dataclass(frozen=True)
class _Set:
    """A stretch of all leads: when its first sample was, the time between samples, the samples."""

    start: datetime | None
    offset_s: float
    step_s: float | None
    names: tuple[str, ...]
    units: tuple[str, ...]
    signals: tuple[NDArray[np.float64], ...]


def read(
    path: Path, root: Element, *, rate_hz: float | None = None, lead: str | None = None
) -> Record:
    """Read a parsed aECG file (see :func:`edgecnn.ecg.readers.read_record`)."""
    sets = [_parsed(path, found) for s in root.findall("component/series") for found in _sets(s)]
    sets = [found for found in sets if found.names]
    if not sets:
        raise RecordError(f"{path} holds no ECG leads", hint="is it a file with waveforms?")
    first = sets[0]
    alike = [s for s in sets if (s.names, s.units, s.step_s) == (*_kind(first), first.step_s)]
    stated = _rate_of(first.step_s) if first.step_s else None
    rate, notes = settle_rate(path, stated, rate_hz)
    if len(alike) < len(sets):
        notes += (f"{len(sets) - len(alike)} sequence sets of other leads or rates left out",)
    alike.sort(key=lambda found: _seconds_after(first, found))
    first = alike[0]
    picked = pick_signals(path, first.names, first.units, lead)
    pieces = [
        np.column_stack([found.signals[column] for column in picked.columns]) for found in alike
    ]
    places = [round(_seconds_after(first, found) * rate) for found in alike]
    signal, said = _joined(path, pieces, places)
    return Record(
        name=path.stem,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(first.names[column] for column in picked.columns),
        signal_mv=signal * np.array(picked.millivolts),
        start=first.start,
        notes=notes + said + picked.notes,
    )


def _rate_of(step_s: float) -> float:
    """Return the rate in Hz of a step that was rounded as it was written: 0.002778 s is 360 Hz."""
    rate = 1 / step_s
    nearest = round(rate)
    return float(nearest) if abs(rate - nearest) < _ROUNDED * nearest else rate


def _kind(found: _Set) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return found.names, found.units


def _sets(series: Element) -> list[Element]:
    return series.findall("component/sequenceSet")


def _parsed(path: Path, found: Element) -> _Set:
    start, offset_s, step_s = None, 0.0, None
    names, units, signals = [], [], []
    for sequence in found.findall("component/sequence"):
        code, value = sequence.find("code"), sequence.find("value")
        if code is None or value is None:
            continue
        kind = code.get("code", "")
        if kind in _TIMES:
            start, offset_s, step_s = _timing(path, value, kind)
        elif match := _LEAD.fullmatch(kind):
            name, (unit, samples) = _AUGMENTED.sub(r"aV\1", match[1]), _samples(path, kind, value)
            names.append(name)
            units.append(unit)
            signals.append(samples)
    if len({len(signal) for signal in signals}) > 1:
        raise RecordError(f"{path}: its leads differ in length", hint="is the file complete?")
    return _Set(start, offset_s, step_s, tuple(names), tuple(units), tuple(signals))


def _timing(path: Path, value: Element, kind: str) -> tuple[datetime | None, float, float | None]:
    head, increment = value.find("head"), value.find("increment")
    step = None
    if increment is not None:
        step = _attribute(path, increment, "value", f"increment of {kind}")
        step *= _unit_seconds(path, increment)
    if head is None or not head.get("value"):
        return None, 0.0, step
    if kind == "TIME_ABSOLUTE":
        return _moment(head.get("value", "")), 0.0, step
    return (
        None,
        _attribute(path, head, "value", f"head of {kind}") * _unit_seconds(path, head),
        step,
    )


def _unit_seconds(path: Path, element: Element) -> float:
    unit = element.get("unit", "s")
    if unit not in _SECONDS:
        raise RecordError(f"{path}: {unit!r} is no unit of time", hint="one of s, ms, us, min is")
    return _SECONDS[unit]


def _samples(path: Path, kind: str, value: Element) -> tuple[str, NDArray[np.float64]]:
    """Return the unit and the samples in it; those of different units for offset and step in mV."""
    try:
        steps = np.array((value.findtext("digits") or "").split(), dtype=np.float64)
    except ValueError as error:
        raise RecordError(
            f"{path}: a sample of {kind} is no number: {error}", hint="mend it"
        ) from error
    origin, scale = value.find("origin"), value.find("scale")
    unit = scale.get("unit", "") if scale is not None else ""
    gain = _attribute(path, scale, "value", f"scale of {kind}") if scale is not None else 1.0
    samples: NDArray[np.float64] = steps * gain
    if origin is not None:
        zero = _attribute(path, origin, "value", f"origin of {kind}")
        other = origin.get("unit", unit)
        if other != unit and is_voltage(unit):
            zero *= millivolts_per(other, source=str(path)) / millivolts_per(unit, source=str(path))
        samples += zero
    return unit, samples


def _attribute(path: Path, element: Element, name: str, what: str) -> float:
    text = element.get(name, "")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RecordError(f"{path}: {what} is {text[:30]!r}, no number", hint="mend it")
    return number


def _moment(text: str) -> datetime | None:
    """Parse HL7's time, ``YYYYMMDDHHMMSS.ffff+ZZZZ``; the zone is left out."""
    match = re.match(r"(\d{14}|\d{12}|\d{8})(\.\d{1,6})?", text)
    if match is None:
        return None
    form = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M", 8: "%Y%m%d"}[len(match[1])]
    try:
        return datetime.strptime(match[1], form) + timedelta(seconds=float(match[2] or 0))
    except ValueError:
        return None


def _seconds_after(first: _Set, later: _Set) -> float:
    if first.start is not None and later.start is not None:
        return (later.start - first.start).total_seconds()
    return later.offset_s - first.offset_s


def _joined(
    path: Path, pieces: list[NDArray[np.float64]], places: list[int]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    if len(pieces) == 1:
        return pieces[0], ()
    ends = [place + len(piece) for place, piece in zip(places, pieces, strict=True)]
    if any(place < end for place, end in zip(places[1:], ends, strict=False)):
        return pieces[0], (f"{len(pieces) - 1} sequence sets of the same time left out",)
    length, held = ends[-1], sum(map(len, pieces))
    if length > _MOST_GAPS * held:
        raise RecordError(
            f"{path} is mostly gaps ({held} samples in {length})", hint="cut it into records"
        )
    whole = np.full((length, pieces[0].shape[1]), np.nan)
    for place, piece in zip(places, pieces, strict=True):
        whole[place : place + len(piece)] = piece
    missing = length - held
    return whole, (f"{missing} samples missing between sequence sets",) if missing else ()
