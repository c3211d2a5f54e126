"""Record readers: one file per format, picked by the name of the file.

A reader is a module with ``read(path, *, rate_hz, lead) -> Record``, and with ``stored(...) ->
StoredRecord`` if it can leave the samples in the file. It says what is wrong with a
file in one :class:`~edgecnn.errors.RecordError`; what it does not know (a lead's name, a start) it
leaves out and never guesses.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.readers.dicom_names import is_waveform
from edgecnn.ecg.readers.stored import StoredRecord, stored_of
from edgecnn.ecg.record import Record
from edgecnn.errors import MissingFileError, RecordError

__all__ = [
    "SUFFIXES",
    "header_of",
    "iter_chunks",
    "open_record",
    "read_record",
    "reader_of",
    "stays_in_file",
]


class _Reader(Protocol):
    def read(self, path: Path, *, rate_hz: float | None, lead: str | None) -> Record: ...


class _StoredReader(Protocol):
    def stored(self, path: Path, *, rate_hz: float | None, lead: str | None) -> StoredRecord: ...


#: Reader by suffix; a path without suffix, or with the suffix of a WFDB signal or annotation file,
#: is a WFDB record when its header lies there.
SUFFIXES = {
    ".hea": "wfdb",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".npy": "npy",
    ".npz": "npy",
    ".mat": "matlab",
    ".edf": "edf",
    ".bdf": "edf",
    ".rec": "edf",
    ".ecg": "ishne",
    ".xml": "xml",
    ".dcm": "dicom",
    ".parquet": "parquet",
}
#: Suffixes that WFDB has too, for a signal file or an annotator: a header beside decides.
_SHARED = frozenset((".mat", ".ecg"))
#: Readers that can leave samples in the file.
_STORED = frozenset(("wfdb", "edf", "ishne"))


def read_record(
    path: str | Path, *, rate_hz: float | None = None, lead: str | None = None
) -> Record:
    """Read an ECG record of any format that edgecnn knows.

    Parameters
    ----------
    path : path
        A file; of a WFDB record its header, its signal file or the name without a suffix.
    rate_hz : float, optional
        Sampling rate of a file that states none. A rate that the file states is kept, unless no
        ECG has it (below 10 Hz, above 100 kHz), and a note says so.
    lead : str, optional
        Read this lead only (a name or an alias: :mod:`edgecnn.ecg.leads`); the default is all.

    Raises
    ------
    MissingFileError
        No such file.
    RecordError
        Unreadable or incomplete, no sampling rate, no such lead, or a format without a reader.
    MissingPackageError
        The format's package is not installed.
    """
    file = Path(path)
    module = cast(_Reader, _module(reader_of(file)))
    try:
        return module.read(header_of(file) or file, rate_hz=rate_hz, lead=lead)
    except MemoryError:
        raise RecordError(f"{file} does not fit into memory", hint="cut it into parts") from None


def open_record(
    path: str | Path, *, rate_hz: float | None = None, lead: str | None = None
) -> StoredRecord:
    """Open an ECG record of any format, and leave its samples in the file where that can be.

    Of WFDB, EDF, BDF and ISHNE records samples are read when they are asked for, so that the length
    of a recording makes no difference to the memory; of other formats, and of several leads with
    different rates, all are read now. Checksums are compared by :func:`read_record` only.

    Parameters
    ----------
    path, rate_hz, lead
        As of :func:`read_record`.

    Raises
    ------
    MissingFileError, RecordError, MissingPackageError
        As :func:`read_record`.

    Examples
    --------
    >>> record = open_record("holter.edf", lead="II")              # doctest: +SKIP
    >>> for signal_mv in record.chunks(60):                        # doctest: +SKIP
    ...     print(signal_mv.shape)
    (15000, 1)
    """
    file = Path(path)
    name = reader_of(file)
    if name not in _STORED:
        return stored_of(read_record(path, rate_hz=rate_hz, lead=lead))
    module = cast(_StoredReader, _module(name))
    return module.stored(header_of(file) or file, rate_hz=rate_hz, lead=lead)


def stays_in_file(path: str | Path) -> bool:
    """Say whether :func:`open_record` leaves a record's samples in its file.

    Raises
    ------
    MissingFileError, RecordError
    """
    return reader_of(Path(path)) in _STORED


def iter_chunks(
    path: str | Path,
    seconds: float,
    *,
    rate_hz: float | None = None,
    lead: str | None = None,
) -> Iterator[NDArray[np.float64]]:
    """Yield a record's signal in pieces, in millivolts, shape ``(samples, leads)``.

    Parameters
    ----------
    path, rate_hz, lead
        As of :func:`read_record`.
    seconds : float
        Length of a piece; the last one may be shorter.

    Raises
    ------
    MissingFileError, RecordError, MissingPackageError
        As :func:`read_record`.
    UsageError
        A length that is not positive.
    """
    yield from open_record(path, rate_hz=rate_hz, lead=lead).chunks(seconds)


def _module(name: str) -> ModuleType:
    return import_module(f"{__name__}.{name}")


def reader_of(file: Path) -> str:
    """Return the name of the reader for a file.

    Raises
    ------
    MissingFileError, RecordError
    """
    if header_of(file) is not None:
        return "wfdb"
    if file.is_dir():
        raise RecordError(f"{file} is a folder, not a record", hint="name a record in it")
    known = SUFFIXES.get(file.suffix.lower())
    if known is None and is_waveform(file):
        known = "dicom"
    if not file.is_file():
        if not file.suffix:
            raise MissingFileError(
                f"no such file or folder: {file}",
                hint=f"of a WFDB record there would be a header, {file.name}.hea",
            )
        if file.suffix.lower() in (".dat", ".atr") and file.parent.is_dir():
            raise MissingFileError(
                f"no record {file}: there is no header {file.with_suffix('.hea').name}",
                hint="a WFDB record is a .hea header with its signal files beside it",
            )
        raise MissingFileError(f"no such file: {file}", hint="check the path")
    if known is None:
        raise RecordError(
            f"{file}: no reader for {file.suffix or 'a file without suffix'}",
            hint=f"WFDB records, {', '.join(s for s in SUFFIXES if s != '.hea')} can be read",
        )
    if not file.stat().st_size:
        raise RecordError(f"{file} is empty", hint="copy it again, or export it anew")
    return known


def header_of(file: Path) -> Path | None:
    """Return the header of the WFDB record that a path names, if there is one."""
    if file.suffix == ".hea":
        return file if file.is_file() else None
    beside = file.with_name(file.name + ".hea")
    if beside.is_file():
        return beside
    if file.suffix.lower() not in SUFFIXES or file.suffix.lower() in _SHARED:
        header = file.with_suffix(".hea")
        return header if header.is_file() else None
    return None
