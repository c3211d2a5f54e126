"""WFDB records: formats 16 and 212 and segments read here, all else by the ``wfdb`` package.

``wfdb`` brings pandas, matplotlib and aiohttp, and converts slowly; these two formats are those of
nearly all of PhysioNet's ECG databases, and a device reads them with NumPy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.signals import PickedSignals, pick_signals
from edgecnn.ecg.readers.stored import StoredRecord
from edgecnn.ecg.readers.wfdb_formats import INVALID, SignalFile, samples_held
from edgecnn.ecg.readers.wfdb_header import DEFAULT_RATE_HZ, Header, Signal, parse_header
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError

__all__ = ["read", "stored"]

_CHECKSUM_MODULUS = 1 << 16


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read a WFDB record by its header (see :func:`edgecnn.ecg.readers.read_record`).

    The header's checksums are compared: a changed file can still be read, but a note tells of it.
    """
    return stored(path, rate_hz=rate_hz, lead=lead).read()


def stored(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> StoredRecord:
    """Open a WFDB record by its header (see :func:`edgecnn.ecg.readers.open_record`)."""
    header, rate, notes = _opened(path, rate_hz)
    if header.segments is not None or not _is_plain(header):
        return _elsewhere(path, header, rate, notes, lead)
    file = _plain(path, header, lead)
    checks = _Checks(file.signals, complete=file.samples == header.samples)
    return StoredRecord(
        name=header.name,
        path=path,
        sampling_rate_hz=rate,
        leads=tuple(signal.name for signal in file.signals),
        samples=file.samples,
        fetch=lambda first, stop: file.fetch(first, stop, checks),
        start=header.start,
        notes=notes + file.picked.notes,
        remarks=checks.remarks,
    )


def _opened(path: Path, rate_hz: float | None) -> tuple[Header, float, tuple[str, ...]]:
    header = parse_header(path)
    rate, notes = settle_rate(
        path, DEFAULT_RATE_HZ if header.rate_hz is None else header.rate_hz, rate_hz
    )
    if header.rate_hz is None:
        notes += (f"header states no sampling rate: {DEFAULT_RATE_HZ:g} Hz, as the format says",)
    return header, rate, notes


def _elsewhere(
    path: Path, header: Header, rate: float, notes: tuple[str, ...], lead: str | None
) -> StoredRecord:
    if header.segments is not None:
        from edgecnn.ecg.readers import wfdb_segments

        return wfdb_segments.stored(path, header, rate, notes, lead, open_segment=stored)
    from edgecnn.ecg.readers import wfdb_package

    return wfdb_package.stored(path, header, rate, notes, lead)


def _is_plain(header: Header) -> bool:
    return all(s.format in INVALID and s.per_frame == 1 and s.skew == 0 for s in header.signals)


@dataclass(frozen=True)
class _PlainFiles:
    """Signal files of formats 16 and 212.

    ``groups`` has, for each file, the places of its picked signals in the record and in the file.
    """

    path: Path
    picked: PickedSignals
    signals: tuple[Signal, ...]
    samples: int
    groups: tuple[tuple[SignalFile, list[int], list[int]], ...]

    def steps(self, first: int, stop: int) -> list[NDArray[np.int16]]:
        """Read the converter's steps of each picked signal."""
        found: dict[int, NDArray[np.int16]] = {}
        for file, places, within in self.groups:
            found.update(zip(places, file.steps(first, stop, within), strict=True))
        return [found[place] for place in range(len(self.signals))]

    def to_physical(
        self, place: int, steps: NDArray[np.int16], *, out: NDArray[np.float64]
    ) -> None:
        """Fill ``out`` with millivolts, NaN where the format marks a sample as missing."""
        signal = self.signals[place]
        np.subtract(steps, float(signal.baseline), out=out)
        out /= signal.gain
        if self.picked.millivolts[place] != 1.0:
            out *= self.picked.millivolts[place]
        missing = steps == INVALID[signal.format]
        if missing.any():
            out[missing] = np.nan

    def fetch(self, first: int, stop: int, checks: _Checks) -> NDArray[np.float64]:
        """Read samples of all picked signals in millivolts."""
        signal_mv = np.empty((stop - first, len(self.signals)))
        read = self.steps(first, stop)
        checks.see(first, read)
        for place, steps in enumerate(read):
            self.to_physical(place, steps, out=signal_mv[:, place])
        return signal_mv


def _plain(path: Path, header: Header, lead: str | None) -> _PlainFiles:
    if not header.signals:
        raise RecordError(f"{path} describes no signals", hint="an annotation needs a signal too")
    picked = pick_signals(
        path, [s.name for s in header.signals], [s.unit for s in header.signals], lead
    )
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
    groups = []
    for name, members in files.items():
        first = header.signals[members[0]]
        places = [p for p, column in enumerate(picked.columns) if column in members]
        within = [members.index(picked.columns[place]) for place in places]
        if places:
            file = SignalFile(path.with_name(name), first.format, first.offset, len(members))
            groups.append((file, places, within))
    signals = tuple(header.signals[column] for column in picked.columns)
    return _PlainFiles(path, picked, signals, samples, tuple(groups))


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
    return samples_held(size, first.format, len(members))


class _Checks:
    """Compare the header's checksums with the samples, as these are read in their order.

    A changed file can still be read, but should be known.
    """

    def __init__(self, signals: tuple[Signal, ...], *, complete: bool) -> None:
        self._signals = signals
        self._totals = [0] * len(signals)
        self._seen = 0
        self._complete = complete

    def see(self, first: int, steps: list[NDArray[np.int16]]) -> None:
        if self._complete and first == self._seen and steps:
            for place, each in enumerate(steps):
                self._totals[place] += int(each.sum(dtype=np.int64))
            self._seen += len(steps[0])

    def remarks(self) -> tuple[str, ...]:
        return tuple(
            f"{signal.name}: checksum differs from the header's, the file was changed"
            for signal, total in zip(self._signals, self._totals, strict=True)
            if self._complete
            and signal.checksum is not None
            and (total - signal.checksum) % _CHECKSUM_MODULUS
        )
