"""WFDB records of several segments (WFDB Applications Guide, ``header(5)``).

Each segment is a record of its own beside the header. A segment named ``~`` is a gap. If the first
one has no samples, it lays out the leads, and a lead that a segment lacks is a gap there; else all
segments have the leads of the first. Gaps are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.signals import pick_signals
from edgecnn.ecg.readers.stored import StoredRecord
from edgecnn.ecg.readers.wfdb_header import Header, parse_header
from edgecnn.errors import RecordError

__all__ = ["stored"]

_GAP = "~"
#: Open segments that are remembered: a record of a week in intensive care has hundreds.
_OPEN = 16
#: Most samples that gaps may add for each one in a segment.
_MOST_GAPS = 100


@dataclass(frozen=True)
class _Segment:
    name: str
    first: int
    stop: int
    header: Header


class OpenSegment(Protocol):
    """Opens a segment: a record of its own."""

    def __call__(self, path: Path, *, rate_hz: float | None = None) -> StoredRecord:
        """Open it by its header."""
        ...


def stored(
    path: Path,
    header: Header,
    rate: float,
    notes: tuple[str, ...],
    lead: str | None,
    *,
    open_segment: OpenSegment,
) -> StoredRecord:
    """Open a record of several segments; each is read when samples of it are asked for.

    Raises
    ------
    RecordError
        A segment that is not there, of another sampling rate, or of another length than promised.
    """
    parts = header.segments or ()
    lays_out = parts[0][1] == 0 and parts[0][0] != _GAP
    layout = _parsed(path, parts[0][0]) if lays_out else None
    segments = _segments(path, parts, layout, rate)
    samples = sum(length for _, length in parts)
    if header.samples is not None and header.samples != samples:
        raise RecordError(
            f"{path} promises {header.samples} samples, its segments have {samples}",
            hint="mend the header",
        )
    present = sum(segment.stop - segment.first for segment in segments)
    if not segments or samples > present * (1 + _MOST_GAPS):
        raise RecordError(
            f"{path}: {present} of its {samples} samples are in segments, all else is gaps",
            hint="read its segments one by one",
        )
    described = (layout or segments[0].header).signals
    names = [signal.name for signal in described]
    picked = pick_signals(path, names, [signal.unit for signal in described], lead)
    leads = tuple(names[column] for column in picked.columns)
    # One with a blood pressure only is a gap of the ECG.
    segments = [seg for seg in segments if {s.name for s in seg.header.signals} & set(leads)]

    @lru_cache(maxsize=_OPEN)
    def opened(name: str) -> StoredRecord:
        return open_segment(path.with_name(f"{name}.hea"), rate_hz=rate)

    def fetch(first: int, stop: int) -> NDArray[np.float64]:
        signal_mv = np.full((stop - first, len(leads)), np.nan)
        for segment in segments:
            begin, end = max(first, segment.first), min(stop, segment.stop)
            if begin >= end:
                continue
            source = opened(segment.name)
            if source.samples < segment.stop - segment.first:
                raise RecordError(
                    f"{path} promises {segment.stop - segment.first} samples of its segment "
                    f"{segment.name}, whose files hold {source.samples}",
                    hint="the signal file is cut short: copy it again",
                )
            read = source.fetch(begin - segment.first, end - segment.first)
            for place, column in enumerate(_places(source.leads, leads)):
                if column is not None:
                    signal_mv[begin - first : end - first, place] = read[:, column]
        return signal_mv

    return StoredRecord(
        name=header.name,
        path=path,
        sampling_rate_hz=rate,
        leads=leads,
        samples=samples,
        fetch=fetch,
        start=header.start,
        notes=notes + picked.notes,
    )


def _segments(
    path: Path, parts: tuple[tuple[str, int], ...], layout: Header | None, rate: float
) -> list[_Segment]:
    """Check every segment by its header; their signal files are looked at when they are read."""
    starts = accumulate((length for _, length in parts), initial=0)
    segments = []
    for (name, length), first in zip(parts, starts, strict=False):
        if name == _GAP or length == 0:
            continue
        header = _parsed(path, name)
        if header.rate_hz is not None and abs(header.rate_hz - rate) > 1e-6 * rate:
            raise RecordError(
                f"{path}: its segment {name} has {header.rate_hz:g} Hz, not {rate:g} Hz",
                hint="read its segments one by one",
            )
        if header.samples is not None and header.samples != length:
            raise RecordError(
                f"{path} promises {length} samples of its segment {name}, which has "
                f"{header.samples}",
                hint="mend the header",
            )
        segments.append(_Segment(name, first, first + length, header))
    if layout is None and len({tuple(s.name for s in seg.header.signals) for seg in segments}) > 1:
        raise RecordError(
            f"{path}: its segments have different leads, and no layout says which",
            hint="read its segments one by one",
        )
    return segments


def _parsed(path: Path, name: str) -> Header:
    file = path.with_name(f"{name}.hea")
    if not file.is_file():
        raise RecordError(
            f"{path} is made of segments, and the header of {name} is not beside it",
            hint="copy the record whole: all its segments",
        )
    header = parse_header(file)
    if header.segments is not None:
        raise RecordError(f"{path}: its segment {name} has segments itself", hint="mend the header")
    return header


def _places(held: tuple[str, ...], leads: tuple[str, ...]) -> list[int | None]:
    """Where each lead is in a segment; leads of one name keep their order."""
    used: set[int] = set()
    places: list[int | None] = []
    for lead in leads:
        place = next((p for p, name in enumerate(held) if name == lead and p not in used), None)
        if place is not None:
            used.add(place)
        places.append(place)
    return places
