"""EDF, EDF+, BDF and BDF+ files.

Which signals are ECG: those whose label says so (``ECG II``) or is a lead's name; if there are
none, all in a unit of potential whose label names no other kind (``EEG Fpz-Cz``). One lead is read
at its own sampling rate. Of several leads the slower ones are brought to the highest rate. In a
discontinuous file (EDF+D) the time between data records is a gap: NaN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.leads import is_lead_name
from edgecnn.ecg.readers.edf_annotations import record_onsets_s
from edgecnn.ecg.readers.edf_header import EdfHeader, EdfSignal, parse_header
from edgecnn.ecg.readers.rate import settle_rate
from edgecnn.ecg.readers.signals import at_one_rate, pick_signals
from edgecnn.ecg.readers.stored import StoredRecord, stored_of
from edgecnn.ecg.record import Record
from edgecnn.errors import RecordError

__all__ = ["read", "stored"]

_ECG = re.compile(r"\s*(?:ECG|EKG)", re.IGNORECASE)
#: Kinds of signal by EDF+'s list of labels, and what is common in sleep recordings.
_OTHER = re.compile(
    r"\s*(?:EEG|EOG|EMG|ERG|MEG|MCG|EP|Resp|Temp|SaO2|SpO2|Light|Sound|Event|Pleth|PPG|Flow|Snore|"
    r"Pos|Thor|Abd|Leg|Chin|Status|Trigger|Marker|Accel|Battery|HR|Pulse|BP|ABP|ART)(?![a-z])",
    re.IGNORECASE,
)
_BLOCK_BYTES = 1 << 24
#: Most samples that gaps may add for each one in the file.
_MOST_GAPS = 100


def read(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> Record:
    """Read an EDF file (see :func:`edgecnn.ecg.readers.read_record`)."""
    return stored(path, rate_hz=rate_hz, lead=lead).read()


def stored(path: Path, *, rate_hz: float | None = None, lead: str | None = None) -> StoredRecord:
    """Open an EDF file (see :func:`edgecnn.ecg.readers.open_record`)."""
    header = parse_header(path)
    signals = _ecg_signals(path, header)
    names = [_lead_name(signal.label) for signal in signals]
    picked = pick_signals(path, names, [signal.unit for signal in signals], lead)
    signals = [signals[column] for column in picked.columns]
    leads = tuple(names[column] for column in picked.columns)
    for signal in signals:
        if signal.samples == 0:
            raise RecordError(
                f"{path}: {signal.label} has no sample in a data record",
                hint="mend the header, or take another lead",
            )
        if signal.high_step == signal.low_step:
            raise RecordError(
                f"{path}: {signal.label} has its samples between the steps {signal.low_step} and "
                f"{signal.high_step}: no range",
                hint="mend the header, or take another lead",
            )
        if signal.high == signal.low:
            raise RecordError(
                f"{path}: {signal.label} goes from {signal.low:g} to {signal.high:g} "
                f"{signal.unit}: no range",
                hint="mend the header, or take another lead",
            )
    densest = max(signal.samples for signal in signals)
    stated = densest / header.record_s if header.record_s else None
    rate, notes = settle_rate(path, stated, rate_hz)
    notes += picked.notes
    pairs = list(zip(signals, picked.millivolts, strict=True))
    if any(signal.samples != densest for signal in signals):
        rates = [rate * signal.samples / densest for signal in signals]
        slower = ", ".join(f"{value:g}" for value in sorted(set(rates))[:-1])
        notes += (f"leads brought from {slower} Hz to {rate:g} Hz",)
        each = [_Columns.of(path, header, [pair]) for pair in pairs]
        read = [columns.fetch(0, columns.samples)[:, 0] for columns in each]
        together = at_one_rate(read, rates, rate)
        return stored_of(Record(path.stem, path, rate, leads, together, header.start, notes))
    columns = _Columns.of(path, header, pairs)
    samples = columns.samples
    missing = samples - densest * header.records
    if missing:
        notes += (f"{missing} samples missing between data records",)
    return StoredRecord(path.stem, path, rate, leads, samples, columns.fetch, header.start, notes)


def _ecg_signals(path: Path, header: EdfHeader) -> list[EdfSignal]:
    signals = [signal for signal in header.signals if not signal.holds_annotations]
    if not signals:
        raise RecordError(
            f"{path} holds annotations without a signal", hint="name the file with the recording"
        )
    named = [s for s in signals if _ECG.match(s.label) or is_lead_name(s.label)]
    if named:
        return named
    rest = [signal for signal in signals if not _OTHER.match(signal.label)]
    if not rest:
        labels = ", ".join(signal.label for signal in signals[:6])
        raise RecordError(
            f"{path} holds no ECG: its signals are {labels}", hint="name a file with an ECG in it"
        )
    return rest


def _lead_name(label: str) -> str:
    """Return ``II`` of ``ECG II``, but ``ECG`` of ``ECG``."""
    return re.sub(r"^(?:ECG|EKG)[\s:_-]+(?=\S)", "", label, flags=re.IGNORECASE)


def _places(path: Path, header: EdfHeader, per_record: int) -> NDArray[np.int64]:
    """Where each data record's first sample lies in the recording, shape ``(records,)``."""
    together = np.arange(header.records, dtype=np.int64) * per_record
    if header.is_continuous or not header.record_s:
        return together
    onsets = record_onsets_s(path, header)
    if not len(onsets):
        return together
    places: NDArray[np.int64] = np.rint(
        (onsets - onsets[0]) * (per_record / header.record_s)
    ).astype(np.int64)
    if (np.diff(places) < per_record).any():
        record = int(np.argmax(np.diff(places) < per_record)) + 2
        raise RecordError(
            f"{path}: data record {record} begins before the one ahead of it ends",
            hint="mend the times of its data records",
        )
    if places[-1] > _MOST_GAPS * (together[-1] + per_record):
        raise RecordError(
            f"{path} is mostly gaps ({together[-1] + per_record} samples in {places[-1]})",
            hint="cut it into several records",
        )
    return places


@dataclass(frozen=True)
class _Columns:
    """Signals of one rate, with their unit's millivolts, data record by data record in the file."""

    path: Path
    header: EdfHeader
    signals: list[tuple[EdfSignal, float]]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, path: Path, header: EdfHeader, signals: list[tuple[EdfSignal, float]]) -> _Columns:
        return cls(path, header, signals, _places(path, header, signals[0][0].samples))

    @property
    def per_record(self) -> int:
        return self.signals[0][0].samples

    @property
    def samples(self) -> int:
        return int(self.places[-1]) + self.per_record

    def fetch(self, first: int, stop: int) -> NDArray[np.float64]:
        """Return the samples ``first..stop`` in millivolts, shape ``(samples, signals)``."""
        out = np.full((stop - first, len(self.signals)), np.nan)
        begin = max(0, int(np.searchsorted(self.places, first, side="right")) - 1)
        end = int(np.searchsorted(self.places, stop, side="left"))
        step = max(1, _BLOCK_BYTES // self.header.record_bytes)
        for record in range(begin, end, step):
            last = min(record + step, end)
            at = (self.places[record:last, None] + np.arange(self.per_record) - first).reshape(-1)
            # Data records rise, so what is asked for is one stretch of them.
            low, high = np.searchsorted(at, [0, stop - first])
            raw = self._raw(record, last)
            for column, (signal, millivolts) in enumerate(self.signals):
                values = _physical(signal, _steps(raw, signal, self.header.sample_bytes))
                if millivolts != 1.0:
                    values *= millivolts
                out[at[low:high], column] = values[low:high]
        return out

    def _raw(self, first: int, stop: int) -> NDArray[np.uint8]:
        size = self.header.record_bytes
        raw = np.fromfile(
            self.path,
            dtype=np.uint8,
            count=(stop - first) * size,
            offset=self.header.size + first * size,
        )
        return raw.reshape(stop - first, size)


def _steps(raw: NDArray[np.uint8], signal: EdfSignal, sample_bytes: int) -> NDArray[np.integer]:
    """Return the converter's steps of a signal in some data records."""
    width = signal.samples * sample_bytes
    own = np.ascontiguousarray(raw[:, signal.first_byte : signal.first_byte + width])
    if sample_bytes == 2:
        return own.view("<i2").reshape(-1)
    three = own.reshape(-1, 3).astype(np.int32)
    high = three[:, 2].astype(np.int8).astype(np.int32)
    steps: NDArray[np.int32] = three[:, 0] | three[:, 1] << 8 | high << 16
    return steps


def _physical(signal: EdfSignal, steps: NDArray[np.integer]) -> NDArray[np.float64]:
    gain = (signal.high - signal.low) / (signal.high_step - signal.low_step)
    values = steps.astype(np.float64)
    values -= signal.low_step
    values *= gain
    values += signal.low
    return values
