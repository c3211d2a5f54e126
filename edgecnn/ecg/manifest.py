"""A list of records with what is special about each: CSV, or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecnn.ecg.record_files import RecordFile
from edgecnn.errors import DataError, MissingFileError

__all__ = ["Manifest", "read_manifest"]

_COLUMNS = ("path", "record", "lead", "rate_hz", "beats")
_JSONL = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class Manifest:
    """A list of records.

    Attributes
    ----------
    records : tuple of RecordFile
        In the list's order; those without a name of their own have the name ``""``.
    unused : tuple of str
        Columns that say nothing here: of the user's own, or ``rate`` for ``rate_hz``.
    """

    records: tuple[RecordFile, ...]
    unused: tuple[str, ...]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Parameters
    ----------
    path : Path
        ``.jsonl`` or ``.ndjson``: an object in each line. Anything else: CSV with a header. Columns
        or keys: ``path`` (relative to the manifest's folder), and, where wanted, ``record`` (its
        name in the results), ``lead``, ``rate_hz`` and ``beats``, as the options of these names.
        Others are left alone.

    Returns
    -------
    Manifest

    Raises
    ------
    MissingFileError
    DataError
        Unreadable, no column ``path``, a row without one, or a value that cannot be.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingFileError(f"no such manifest: {path}", hint="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise DataError(f"cannot read the manifest {path}: {said}") from error
    rows = _json_rows(path, text) if path.suffix.lower() in _JSONL else _csv_rows(path, text)
    records, names = [], dict[str, None]()
    for line, row in rows:
        records.append(_record(path, line, row))
        names |= dict.fromkeys(row)
    return Manifest(tuple(records), tuple(name for name in names if name and name not in _COLUMNS))


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    if "path" not in (reader.fieldnames or ()):
        raise DataError(
            f"{path} has no column path",
            hint=f"its first line names the columns: {', '.join(_COLUMNS)}; only path must be",
        )
    for row in reader:
        if any(row.values()):
            yield reader.line_num, row


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}: line {number} is no JSON", hint=str(error)) from error
        if not isinstance(row, dict):
            raise DataError(f"{path}: line {number} is no object", hint='{"path": "a/100.hea"}')
        yield number, row


def _record(path: Path, line: int, row: Mapping[str, Any]) -> RecordFile:
    values = {name: row.get(name) for name in _COLUMNS}
    if not isinstance(values["path"], str) or not values["path"].strip():
        raise DataError(f"{path}: line {line} has no path", hint="each row names a record's file")
    rate = values["rate_hz"]
    if rate in (None, ""):
        rate_hz = None
    else:
        try:
            rate_hz = float(rate)
        except (TypeError, ValueError):
            rate_hz = math.nan
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise DataError(
                f"{path}: line {line}: a sampling rate of {rate!r}",
                hint="rates are positive, in Hz",
            )
    name = str(values["record"] or "").strip()
    if name.startswith("/") or ".." in name.split("/"):
        raise DataError(
            f"{path}: line {line}: {name} is no name of a record",
            hint="results are written under that name: a relative path without ..",
        )
    return RecordFile(
        path.parent / values["path"].strip(),
        name,
        lead=str(values["lead"]) if values["lead"] else None,
        rate_hz=rate_hz,
        beats=str(values["beats"]) if values["beats"] else None,
    )
