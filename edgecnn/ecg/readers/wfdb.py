"""WFDB records: formats 16 and 212 read here, all others by the ``wfdb`` package.

``wfdb`` brings pandas, matplotlib and aiohttp, and converts slowly; these two formats are those of
nearly all of PhysioNet's ECG databases, and a device reads them with NumPy alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.leads import choose_lead
from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.wfdb_header import DEFAULT_RATE_HZ, Header, Signal, parse_header
from edgecnn.ecg.record import Record
from edgecnn.ecg.units import is_voltage, millivolts_per
from edgecnn.errors import MissingPackageError, RecordError

__all__ = ["read"]

#: The step that stands for "no sample" in each format.
_INVALID = {"16": -(1 << 15), "212": -(1 << 11)}
_CHECKSUM_MODULUS = 1 << 16


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a WFDB record by its header (see :func:`edgecnn.ecg.readers.read_record`)."""
    header = parse_header(path)
    rate, notes = settle_rate(
        path, DEFAULT_RATE_HZ if header.rate_hz is None else header.rate_hz, rate_hz
    )
    if header.rate_hz is None:
        notes += (f"header states no sampling rate: {DEFAULT_RATE_HZ:g} Hz, as the format says",)
    if header.segments > 1 or not all(_is_plain(signal) for signal in header.signals):
        return _read_by_package(path, header, rate, notes, lead)
    if not header.signals:
        raise RecordError(f"{path} describes no signals", hint="an annotation needs a signal too")

    columns = list(range(len(header.signals)))
    if lead is not None:
        columns = [choose_lead([s.name for s in header.signals], lead, source=str(path))]
        # Said here, where the lead was asked for by name: it must be a voltage.
        millivolts_per(header.signals[columns[0]].unit, source=str(path))
    columns, left_out = _voltages(path, header, columns)
    digital, samples = _read_digital(path, header, columns)
    signal_mv = np.empty((samples, len(columns)), dtype=np.float64)
    for place, (column, steps) in enumerate(zip(columns, digital, strict=True)):
        signal = header.signals[column]
        notes += _checked(signal, steps, complete=samples == header.samples)
        _to_physical(steps, signal, str(path), out=signal_mv[:, place])
    return Record(
        name=header.name,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(header.signals[column].name for column in columns),
        signal_mv=signal_mv,
        start=header.start,
        notes=notes + left_out,
    )


def _is_plain(signal: Signal) -> bool:
    return signal.format in _INVALID and signal.per_frame == 1 and signal.skew == 0


def _voltages(path: Path, header: Header, columns: list[int]) -> tuple[list[int], tuple[str, ...]]:
    """Keep the signals in a unit of potential; pressures and pulse waves are no ECG."""
    kept = [column for column in columns if is_voltage(header.signals[column].unit)]
    if not kept:
        unit = header.signals[columns[0]].unit
        millivolts_per(unit, source=str(path))
    left_out = tuple(
        f"{header.signals[column].name} left out: its unit is {header.signals[column].unit}"
        for column in columns
        if column not in kept
    )
    return kept, left_out


def _read_digital(
    path: Path, header: Header, columns: list[int]
) -> tuple[list[NDArray[np.int16]], int]:
    """Read the steps of some signals, and the number of samples of each.

    Signals that share a file lie in it sample by sample, one after the other.
    """
    files: dict[str, list[int]] = {}
    for column, signal in enumerate(header.signals):
        files.setdefault(signal.file, []).append(column)
    # All sizes before the first allocation: a header may promise more than there is memory for.
    holds = {name: _samples_in(path, header, name, members) for name, members in files.items()}
    samples = header.samples if header.samples is not None else min(holds.values())
    for name, held in holds.items():
        if held < samples:
            raise RecordError(
                f"{path} promises {samples} samples, {name} holds {held}",
                hint="the signal file is cut short: copy it again",
            )
    if samples == 0:
        raise RecordError(f"{path} holds no samples", hint="is the file complete?")
    found: dict[int, NDArray[np.int16]] = {}
    for name, members in files.items():
        wanted = [column for column in columns if column in members]
        if not wanted:
            continue
        first = header.signals[members[0]]
        decode = _decode_16 if first.format == "16" else _decode_212
        places = [members.index(column) for column in wanted]
        steps = decode(path.with_name(name), first.offset, samples, len(members), places)
        found.update(zip(wanted, steps, strict=True))
    return [found[column] for column in columns], samples


def _samples_in(path: Path, header: Header, name: str, members: list[int]) -> int:
    """How many samples of each signal a signal file holds."""
    first = header.signals[members[0]]
    # A header names files beside it, never elsewhere.
    file = path.parent / Path(name).name
    if Path(name).name != name or not file.is_file():
        raise RecordError(
            f"{path} names the signal file {name}, which is not beside it",
            hint="copy the record whole: the header and its signal files",
        )
    if any(
        (header.signals[m].format, header.signals[m].offset) != (first.format, first.offset)
        for m in members
    ):
        raise RecordError(f"{path}: two formats in {name}", hint="mend the header")
    size = max(0, file.stat().st_size - first.offset)
    if first.format == "16":
        return size // (2 * len(members))
    # Two samples share three bytes; a last odd one takes two.
    return (size // 3 * 2 + (size % 3 == 2)) // len(members)


def _decode_16(
    file: Path, offset: int, samples: int, signals: int, places: list[int]
) -> list[NDArray[np.int16]]:
    raw = np.fromfile(file, dtype="<i2", count=samples * signals, offset=offset)
    frames = raw.reshape(samples, signals)
    return [frames[:, place] for place in places]


def _decode_212(
    file: Path, offset: int, samples: int, signals: int, places: list[int]
) -> list[NDArray[np.int16]]:
    total = samples * signals
    raw = np.fromfile(file, dtype=np.uint8, count=(total * 3 + 1) // 2, offset=offset)
    if raw.size % 3:
        raw = np.append(raw, np.uint8(0))
    triples = raw.reshape(-1, 3)
    if signals == 2:
        return [_half_212(triples, place) for place in places]
    both = np.empty((len(triples), 2), dtype=np.int16)
    both[:, 0], both[:, 1] = _half_212(triples, 0), _half_212(triples, 1)
    frames = both.reshape(-1)[:total].reshape(samples, signals)
    return [frames[:, place] for place in places]


def _half_212(triples: NDArray[np.uint8], which: int) -> NDArray[np.int16]:
    """First or second 12-bit sample of each three bytes, its sign extended."""
    middle = triples[:, 1].astype(np.int16)
    high = middle << 12 if which == 0 else (middle & 0xF0) << 8
    low = triples[:, 0 if which == 0 else 2].astype(np.int16) << 4
    steps: NDArray[np.int16] = (high | low) >> 4
    return steps


def _checked(signal: Signal, steps: NDArray[np.int16], *, complete: bool) -> tuple[str, ...]:
    """Compare the header's checksum: a changed file can still be read, but should be known."""
    if signal.checksum is None or not complete:
        return ()
    total = int(steps.sum(dtype=np.int64))
    if (total - signal.checksum) % _CHECKSUM_MODULUS == 0:
        return ()
    return (f"{signal.name}: checksum differs from the header's, the file was changed",)


def _to_physical(
    steps: NDArray[np.int16], signal: Signal, source: str, *, out: NDArray[np.float64]
) -> None:
    """Fill ``out`` with millivolts, NaN where the format marks a sample as missing."""
    np.subtract(steps, float(signal.baseline), out=out)
    out /= signal.gain
    per_unit = millivolts_per(signal.unit, source=source)
    if per_unit != 1.0:
        out *= per_unit
    missing = steps == _INVALID[signal.format]
    if missing.any():
        out[missing] = np.nan


def _read_by_package(
    path: Path, header: Header, rate: float, notes: tuple[str, ...], lead: str | None
) -> Record:
    """Read any other format with the ``wfdb`` package."""
    kinds = sorted({s.format for s in header.signals}) or ["several segments"]
    try:
        import wfdb
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: WFDB format {', '.join(kinds)} needs the package wfdb",
            hint="pip install 'edgecnn[ecg]'",
        ) from error
    try:
        read: Any = wfdb.rdrecord(str(path.with_suffix("")))
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise RecordError(
            f"{path}: wfdb cannot read it: {text[:160]}", hint="is the record complete?"
        ) from error
    if read.p_signal is None:
        raise RecordError(f"{path} holds no signal", hint="is the record complete?")
    names, units = list(read.sig_name), list(read.units)
    columns = list(range(len(names)))
    if lead is not None:
        columns = [choose_lead(names, lead, source=str(path))]
    kept = [column for column in columns if is_voltage(units[column])]
    if not kept:
        millivolts_per(units[columns[0]], source=str(path))
    scale = np.array([millivolts_per(units[column], source=str(path)) for column in kept])
    notes += tuple(
        f"{names[column]} left out: its unit is {units[column]}"
        for column in columns
        if column not in kept
    )
    return Record(
        name=header.name,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(names[column] for column in kept),
        signal_mv=read.p_signal[:, kept] * scale,
        start=header.start,
        notes=notes,
    )
