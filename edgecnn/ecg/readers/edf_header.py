"""The header of an EDF, EDF+, BDF or BDF+ file.

After Kemp et al., "A simple format for exchange of digitized polygraphic recordings" (1992), Kemp
and Olivan, "European data format 'plus'" (2003), and BioSemi's description of its 24-bit variant.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgecnn.errors import RecordError

__all__ = ["EdfHeader", "EdfSignal", "parse_header"]

_FIXED_BYTES = 256
_PER_SIGNAL = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_LABEL, _, _UNIT, _LOW, _HIGH, _LOW_STEP, _HIGH_STEP, _, _SAMPLES, _ = range(10)
_BDF = b"\xffBIOSEMI"
_EDF = b"0       "
_UNKNOWN = -1
#: Years of two digits: 85 is 1985, 84 is 2084.
_CENTURY_TURNS = 85
_COPY = "copy the file again"


@dataclass(frozen=True)
class EdfSignal:
    """One signal of a data record.

    Attributes
    ----------
    label, unit : str
    low, high : float
        Physical values at the steps ``low_step`` and ``high_step``.
    low_step, high_step : int
    samples : int
        In a data record.
    first_byte : int
        Of the signal in a data record.
    """

    label: str
    unit: str
    low: float
    high: float
    low_step: int
    high_step: int
    samples: int
    first_byte: int

    @property
    def holds_annotations(self) -> bool:
        """Say whether its bytes are texts."""
        return self.label in ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True)
class EdfHeader:
    """A parsed header.

    Attributes
    ----------
    size : int
        Bytes before the first data record.
    record_bytes, records : int
        Size of a data record and how many there are.
    record_s : float
        Length of a data record; 0 in a file of annotations only.
    sample_bytes : int
        2 in EDF, 3 in BDF.
    is_continuous : bool
        False if time may pass between data records (EDF+D).
    start : datetime or None
    signals : tuple of EdfSignal
        Those of annotations too.
    """

    size: int
    record_bytes: int
    records: int
    record_s: float
    sample_bytes: int
    is_continuous: bool
    start: datetime | None
    signals: tuple[EdfSignal, ...]


def parse_header(path: Path) -> EdfHeader:
    """Parse the header, and compare what it promises with the size of the file.

    Raises
    ------
    RecordError
        Not such a file, a field that is not what it must be, or fewer data records than promised.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            fixed = file.read(_FIXED_BYTES)
            if fixed[:8] not in (_EDF, _BDF) or len(fixed) < _FIXED_BYTES:
                raise RecordError(
                    f"{path} is no EDF or BDF file", hint="does its name end as it should?"
                )
            count = _integer(path, fixed[252:256], "number of signals")
            if count < 1:
                raise RecordError(f"{path} holds no signals", hint="is the file complete?")
            described = file.read(_FIXED_BYTES * count) if count <= size // _FIXED_BYTES else b""
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    if len(described) < _FIXED_BYTES * count:
        raise RecordError(f"{path} ends within its header of {count} signals", hint=_COPY)
    sample_bytes = 3 if fixed[:8] == _BDF else 2
    signals = _signals(path, described, count, sample_bytes)
    header_bytes = _FIXED_BYTES * (count + 1)
    record_bytes = sample_bytes * sum(signal.samples for signal in signals)
    record_s = _number(path, fixed[244:252], "length of a data record")
    held = max(0, size - header_bytes) // record_bytes if record_bytes else 0
    records = _integer(path, fixed[236:244], "number of data records")
    if not record_bytes:
        raise RecordError(
            f"{path}: its signals have 0 samples in a data record: a rate of 0 Hz",
            hint="mend the header",
        )
    if records == _UNKNOWN:
        # A recorder that was switched off has not come to write it.
        records = held
    if records > held:
        raise RecordError(
            f"{path} promises {records} data records, it holds {held}",
            hint="the file is cut short: copy it again",
        )
    if records < 1 or record_s < 0:
        raise RecordError(
            f"{path} holds no samples ({records} data records of {record_s:g} s)",
            hint="is the file complete?",
        )
    kind = fixed[192:197].decode("latin-1")
    return EdfHeader(
        size=header_bytes,
        record_bytes=record_bytes,
        records=records,
        record_s=record_s,
        sample_bytes=sample_bytes,
        is_continuous=kind not in ("EDF+D", "BDF+D"),
        start=_start(fixed),
        signals=signals,
    )


def _signals(path: Path, described: bytes, count: int, sample_bytes: int) -> tuple[EdfSignal, ...]:
    """Read the fields, which lie one kind after the other, each for all signals."""
    columns: list[list[bytes]] = []
    at = 0
    for width in _PER_SIGNAL:
        columns.append([described[at + width * n : at + width * (n + 1)] for n in range(count)])
        at += width * count
    signals: list[EdfSignal] = []
    first_byte = 0
    for n in range(count):
        fields = [column[n] for column in columns]
        label = _text(fields[_LABEL])
        samples = _integer(path, fields[_SAMPLES], f"samples of {label}")
        if samples < 0:
            raise RecordError(f"{path}: {label} has {samples} samples", hint=_COPY)
        signal = EdfSignal(
            label=label,
            unit=_text(fields[_UNIT]),
            low=_number(path, fields[_LOW], f"physical minimum of {label}"),
            high=_number(path, fields[_HIGH], f"physical maximum of {label}"),
            low_step=_integer(path, fields[_LOW_STEP], f"digital minimum of {label}"),
            high_step=_integer(path, fields[_HIGH_STEP], f"digital maximum of {label}"),
            samples=samples,
            first_byte=first_byte,
        )
        first_byte += samples * sample_bytes
        signals.append(signal)
    return tuple(signals)


def _text(field: bytes) -> str:
    # ASCII by the standard; recorders write the micro sign as in Latin-1.
    return field.decode("latin-1").strip(" \0")


def _number(path: Path, field: bytes, what: str) -> float:
    text = _text(field)
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RecordError(f"{path}: {what} is {text[:20]!r}, no number", hint=_COPY)
    return number


def _integer(path: Path, field: bytes, what: str) -> int:
    number = _number(path, field, what)
    if number != int(number):
        raise RecordError(f"{path}: {what} is {_text(field)!r}, no whole number", hint=_COPY)
    return int(number)


def _start(fixed: bytes) -> datetime | None:
    """Return the start; EDF+ has the year in full in another field."""
    try:
        day, month, year = (int(part) for part in _text(fixed[168:176]).split("."))
        hour, minute, second = (int(part) for part in _text(fixed[176:184]).split("."))
        year += 1900 if year >= _CENTURY_TURNS else 2000
        if match := re.search(r"Startdate \d\d-[A-Z]{3}-(\d{4})\b", _text(fixed[88:168])):
            year = int(match[1])
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
