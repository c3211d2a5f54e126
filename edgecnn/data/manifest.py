"""Lists of files: CSV, JSON Lines or plain text, with or without a label for each."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgecnn.data.text import decode_text
from edgecnn.errors import DatasetError
from edgecnn.preprocessing.picture import PICTURE_SUFFIXES

__all__ = ["MANIFEST_SUFFIXES", "Manifest", "is_manifest", "read_manifest"]

#: File name endings of lists; a ``.txt`` file is one if its lines name files.
MANIFEST_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".lst", ".txt"})

_PATHS = ("path", "file", "filename", "file_name", "filepath", "image", "record", "name")
_LABELS = ("label", "class", "target", "category", "y")
#: Lines that tell whether a text is a list.
_LOOKED_AT = 20
#: Characters of a name that an error shows.
_SHOWN = 200


@dataclass(frozen=True)
class Manifest:
    """Files in the order of the list.

    Attributes
    ----------
    source : Path
        The list itself.
    paths : tuple of Path
        Relative ones are taken from the list's own folder.
    labels : tuple of str or None
        One for each, or None where the list has none.
    """

    source: Path
    paths: tuple[Path, ...]
    labels: tuple[str, ...] | None

    @property
    def holds(self) -> str:
        """``"heartbeats"`` or ``"pictures"``, told by the first name."""
        return "heartbeats" if _is_record(self.paths[0]) else "pictures"


def is_manifest(path: Path) -> bool:
    """Tell whether a file is a list of files, by its name and, of a ``.txt``, its first lines."""
    suffix = path.suffix.lower()
    if suffix not in MANIFEST_SUFFIXES or not path.is_file():
        return False
    if suffix != ".txt":
        return True
    with path.open("rb") as file:
        head = file.read(1 << 16).decode("utf-8", errors="replace")
    lines = [line.strip() for line in head.splitlines() if line.strip()][:_LOOKED_AT]
    names = [_split(line, path.parent)[0] for line in lines]
    return bool(names) and all(
        Path(name).suffix.lower() in PICTURE_SUFFIXES or _is_record(path.parent / name)
        for name in names
    )


def read_manifest(path: Path) -> Manifest:
    """Read a list of files.

    CSV and TSV have a path and perhaps a label in each row: under a header line that names the
    columns (``path``, ``file``, ``image``, ``record``, ...; ``label``, ``class``, ...), or in this
    order. JSON Lines have the same as keys. Of a text, each line is a path, or a path, white space
    and a label.

    Raises
    ------
    DatasetError
        It names no files, a file that is not there, or labels for some only.
    """
    text = decode_text(path.read_bytes(), str(path))
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        rows = list(_json_rows(text, path))
    elif suffix in (".csv", ".tsv"):
        rows = list(_table_rows(text, path))
    else:
        rows = [
            (number, *_split(line.strip(), path.parent))
            for number, line in enumerate(text.splitlines(), start=1)
            if line.strip()
        ]
    if not rows:
        raise DatasetError(f"{path} names no files")
    paths = tuple(path.parent / name for _, name, _ in rows)
    missing = [
        number
        for (number, _, _), file in zip(rows, paths, strict=True)
        if not _is_file(file) and not _is_record(file)
    ]
    if missing:
        name = next(name for number, name, _ in rows if number == missing[0])
        others = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise DatasetError(
            f"{path}: line {missing[0]}: no such file: {name[:_SHOWN]}{others}",
            hint="relative paths are taken from the folder of the list",
        )
    bare = [number for number, _, label in rows if not label]
    if bare and len(bare) < len(rows):
        raise DatasetError(f"{path}: line {bare[0]} has no label, others have")
    return Manifest(path, paths, None if bare else tuple(label for _, _, label in rows))


def _table_rows(text: str, path: Path) -> Iterator[tuple[int, str, str]]:
    head = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=head.count) if path.suffix.lower() == ".csv" else "\t"
    at, label_at = 0, 1
    for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        names = [cell.lower() for cell in cells]
        if number == 1 and any(name in _PATHS for name in names):
            at = next(i for i, name in enumerate(names) if name in _PATHS)
            label_at = next((i for i, name in enumerate(names) if name in _LABELS), len(names))
            continue
        if len(cells) <= at or not cells[at]:
            raise DatasetError(f"{path}: line {number} has no path")
        yield number, cells[at], cells[label_at] if len(cells) > label_at else ""


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError as error:
            raise DatasetError(f"{path}: line {number} is no JSON object: {error}") from error
        name, label = _value(row, _PATHS), _value(row, _LABELS)
        if not name:
            raise DatasetError(
                f"{path}: line {number} has no path", hint=f"one of the keys {', '.join(_PATHS)}"
            )
        yield number, name, label


def _value(row: Mapping[str, object], keys: tuple[str, ...]) -> str:
    return next((str(row[key]) for key in keys if row.get(key) is not None), "")


def _split(line: str, folder: Path) -> tuple[str, str]:
    """Take a line apart into a path, which may have spaces in it, and perhaps a label."""
    if Path(line).suffix.lower() in PICTURE_SUFFIXES or _is_file(folder / line):
        return line, ""
    parts = line.rsplit(maxsplit=1)
    return (parts[0], parts[1]) if len(parts) > 1 else (line, "")


def _is_record(path: Path) -> bool:
    """Tell whether a path is a WFDB record's, with or without a suffix."""
    if not path.name or path.suffix.lower() not in ("", ".hea", ".dat"):
        return False
    return _is_file(path.with_suffix(".hea"))


def _is_file(path: Path) -> bool:
    """Tell whether there is such a file; a line of prose may be longer than any file's name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
