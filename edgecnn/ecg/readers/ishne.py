"""ISHNE Holter files (``.ecg``).

After Badilini, "The ISHNE Holter Standard Output File Format" (Annals of Noninvasive
Electrocardiology 3(3), 1998): ``ISHNE1.0``, a checksum, 512 bytes of fixed header, a header of any
length, and the samples of all leads, one after the other, as little-endian 16-bit steps.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.signals import pick_signals
from edgecnn.ecg.readers.stored import StoredRecord
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError

__all__ = ["read", "stored"]

_MAGIC = b"ISHNE1.0"
_ANNOTATIONS = b"ANN  1.0"
_HEADER_BYTES = 522
_CRC_FROM = 10
_MOST_LEADS = 12
_NAMES = (
    *("", "", "X", "Y", "Z", "I", "II", "III", "aVR", "aVL", "aVF"),
    *("V1", "V2", "V3", "V4", "V5", "V6", "ES", "AS", "AI"),
)
_MV_PER_NV = 1e-6


@dataclass(frozen=True)
class _Header:
    samples: int
    first_byte: int
    names: tuple[str, ...]
    resolutions_nv: tuple[int, ...]
    rate_hz: int
    start: datetime | None
    is_intact: bool


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read an ISHNE file (see :func:`edgecnn.ecg.readers.read_record`)."""
    return stored(path, rate_hz=rate_hz, lead=lead).read()


def stored(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> StoredRecord:
    """Open an ISHNE file (see :func:`edgecnn.ecg.readers.open_record`)."""
    header = _header(path)
    rate, notes = settle_rate(path, header.rate_hz, rate_hz)
    if not header.is_intact:
        notes += ("checksum differs from the header's, the file was changed",)
    count = len(header.names)
    picked = pick_signals(path, header.names, ["mV"] * count, lead)
    columns = list(picked.columns)
    for column in columns:
        if header.resolutions_nv[column] <= 0:
            raise RecordError(
                f"{path} states a resolution of {header.resolutions_nv[column]} nV for lead "
                f"{header.names[column] or column + 1}",
                hint="mend the header, or take another lead",
            )
    scale = np.array([header.resolutions_nv[column] for column in columns]) * _MV_PER_NV

    def fetch(first: int, stop: int) -> NDArray[np.float64]:
        steps = np.fromfile(
            path,
            dtype="<i2",
            count=(stop - first) * count,
            offset=header.first_byte + 2 * first * count,
        ).reshape(-1, count)
        signal_mv: NDArray[np.float64] = steps[:, columns] * scale
        return signal_mv

    leads = tuple(header.names[column] for column in columns)
    return StoredRecord(path.stem, path, rate, leads, header.samples, fetch, header.start, notes)


def _header(path: Path) -> _Header:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            fixed = file.read(_HEADER_BYTES)
            if fixed[:8] == _ANNOTATIONS:
                raise RecordError(
                    f"{path} holds annotations without a signal",
                    hint="name the file with the recording",
                )
            if fixed[:8] != _MAGIC or len(fixed) < _HEADER_BYTES:
                raise RecordError(
                    f"{path} is no ISHNE file", hint="does its name end as it should?"
                )
            (first_byte,) = struct.unpack_from("<i", fixed, 22)
            file.seek(0)
            described = file.read(first_byte) if 0 < first_byte <= size else b""
    except OSError as error:
        raise RecordError(
            f"cannot read {path}: {error.strerror}", hint="check its permissions"
        ) from error
    (crc,) = struct.unpack_from("<H", fixed, 8)
    (samples,) = struct.unpack_from("<i", fixed, 14)
    leads, *specs = struct.unpack_from(f"<{1 + _MOST_LEADS}h", fixed, 156)
    resolutions = struct.unpack_from(f"<{_MOST_LEADS}h", fixed, 206)
    (rate,) = struct.unpack_from("<h", fixed, 272)
    if not (0 < leads <= _MOST_LEADS and _HEADER_BYTES <= first_byte <= size and samples >= 0):
        raise RecordError(
            f"{path} is no sound ISHNE file: {leads} leads of {samples} samples from byte "
            f"{first_byte} on",
            hint="copy the file again",
        )
    held = (size - first_byte) // (2 * leads)
    if samples == held * leads:
        # Some recorders count the samples of all leads together.
        samples = held
    if samples > held:
        raise RecordError(
            f"{path} promises {samples} samples, it holds {held}",
            hint="the file is cut short: copy it again",
        )
    return _Header(
        samples=samples,
        first_byte=first_byte,
        names=tuple(_NAMES[s] if 0 <= s < len(_NAMES) else "" for s in specs[:leads]),
        resolutions_nv=tuple(resolutions[:leads]),
        rate_hz=rate,
        start=_start(fixed),
        is_intact=binascii.crc_hqx(described[_CRC_FROM:], 0xFFFF) == crc,
    )


def _start(fixed: bytes) -> datetime | None:
    day, month, year = struct.unpack_from("<3h", fixed, 138)
    hour, minute, second = struct.unpack_from("<3h", fixed, 150)
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
