"""WFDB formats that the ``wfdb`` package reads: 8, 24, 32, 61, 80, 160, 310, 311, FLAC, frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.signals import at_one_rate, one_line, pick_signals
from edgecnn.ecg.readers.stored import StoredRecord, stored_of
from edgecnn.ecg.readers.wfdb_header import Header
from edgecnn.ecg.record import Record
from edgecnn.errors import MissingPackageError, RecordError

__all__ = ["stored"]

#: Bytes of a sample; FLAC has none of its own.
_BYTES = {"8": 1.0, "16": 2.0, "24": 3.0, "32": 4.0, "61": 2.0, "80": 1.0, "160": 2.0, "212": 1.5}
_BYTES |= {"310": 4 / 3, "311": 4 / 3}
_FLAC = {"508", "516", "524"}
#: Of a signal without a change FLAC stores next to nothing: a block of 65,535 samples in 20 bytes.
_FEWEST_FLAC_BYTES = 1 / 4096


def stored(
    path: Path, header: Header, rate: float, notes: tuple[str, ...], lead: str | None
) -> StoredRecord:
    """Open a record whose samples the package decodes, a stretch at a time.

    Parameters
    ----------
    path : Path
    header : Header
        Of a record with signals of its own.
    rate : float
        Of frames, in Hz. A signal with several samples in a frame has as many times the rate.
    notes : tuple of str
    lead : str, optional

    Raises
    ------
    MissingPackageError
        No ``wfdb`` here.
    RecordError
        The package cannot read it, or it holds less than the header promises.
    """
    kinds = ", ".join(sorted({s.format for s in header.signals}))
    if unknown := sorted({s.format for s in header.signals} - _BYTES.keys() - _FLAC):
        raise RecordError(
            f"{path}: WFDB has no signal format {unknown[0]}",
            hint="mend the header, or copy it again",
        )
    try:
        import wfdb
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: WFDB format {kinds} needs the package wfdb", hint="pip install 'edgecnn[ecg]'"
        ) from error
    picked = pick_signals(
        path, [s.name for s in header.signals], [s.unit for s in header.signals], lead
    )
    _check_size(path, header)
    base, columns = str(path.with_suffix("")), list(picked.columns)
    scales = np.array(picked.millivolts)
    signals = [header.signals[column] for column in columns]
    leads = tuple(signal.name for signal in signals)
    notes += picked.notes

    def frames(first: int, stop: int | None) -> list[NDArray[np.float64]]:
        read: Any = _told(path, lambda: wfdb.rdrecord(
            base, sampfrom=first, sampto=stop, channels=columns, smooth_frames=False
        ))  # fmt: skip
        return [np.asarray(s, dtype=np.float64) for s in read.e_p_signal]

    densest = max(signal.per_frame for signal in signals)
    sparsest = min(signal.per_frame for signal in signals)
    if header.samples is None or densest != sparsest:
        rates = [rate * signal.per_frame for signal in signals]
        if densest != sparsest:
            notes += (f"leads brought from {_listed(rates)} Hz to {max(rates):g} Hz",)
        together = at_one_rate(frames(0, None), rates, max(rates))
        record = Record(
            *(header.name, path, max(rates), leads, together * scales, header.start, notes)
        )
        return stored_of(record)

    def fetch(first: int, stop: int) -> NDArray[np.float64]:
        start = first // densest
        read = frames(start, -(-stop // densest))
        whole: NDArray[np.float64] = np.column_stack(read) * scales
        return whole[first - start * densest : stop - start * densest]

    return StoredRecord(
        name=header.name,
        path=path,
        sampling_rate_hz=rate * densest,
        leads=leads,
        samples=header.samples * densest,
        fetch=fetch,
        start=header.start,
        notes=notes,
    )


def _told(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (
        *(OSError, ValueError, KeyError, IndexError, TypeError, AttributeError),
        # What libsndfile says of FLAC is of this kind.
        RuntimeError,
    ) as error:
        raise RecordError(
            f"{path}: wfdb cannot read it: {one_line(error)}", hint="is the record complete?"
        ) from error


def _check_size(path: Path, header: Header) -> None:
    """Compare what files hold with what is promised, before the package allocates it."""
    files: dict[str, float] = {}
    for signal in header.signals:
        size = _BYTES.get(signal.format, _FEWEST_FLAC_BYTES) * signal.per_frame
        files[signal.file] = files.get(signal.file, 0.0) + size
    offsets = {signal.file: signal.offset for signal in header.signals}
    for name, frame_bytes in files.items():
        file = path.with_name(name)
        if not file.is_file():
            raise RecordError(
                f"{path} names the signal file {name}, which is not beside it",
                hint="copy the record whole: the header and its signal files",
            )
        held = round((file.stat().st_size - offsets[name]) / frame_bytes)
        if header.samples is not None and held < header.samples:
            raise RecordError(
                f"{path} promises {header.samples} samples, {name} holds {max(0, held)}",
                hint="the signal file is cut short: copy it again",
            )


def _listed(rates: list[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in sorted(set(rates))[:-1])
