"""Files and folders in, the records among them out, each with a name of its own."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgecnn.ecg.readers import SUFFIXES, header_of, reader_of
from edgecnn.ecg.readers.csv import looks_like_samples
from edgecnn.errors import DataError, EdgeCNNError, RecordError

__all__ = ["FoundRecords", "Problem", "RecordFile", "find_records"]

_HEADER = ".hea"
#: Text that may be anything: taken from a folder only if it begins like samples.
_ANY_TEXT = ".txt"


@dataclass(frozen=True)
class RecordFile:
    """A record that was found.

    Attributes
    ----------
    path : Path
        Its file; of a WFDB record, the header.
    name : str
        Relative to what all records have in common, without a suffix, with ``/``; no two records
        of a search have the same.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Problem:
    """A path that gives no result, and why."""

    path: str
    error: EdgeCNNError


@dataclass(frozen=True)
class FoundRecords:
    """Records in the order of the given paths, folders sorted, and what is no record."""

    records: tuple[RecordFile, ...]
    problems: tuple[Problem, ...]


def find_records(
    paths: Iterable[str | os.PathLike[str]],
    *,
    annotator: str = "atr",
    ignore: Path | None = None,
) -> FoundRecords:
    """Find the records that paths name.

    A WFDB record is one, however many files it has and however often it is named. In folders (and
    the folders in them) hidden files are left out, text files that hold no samples, and the
    segments of a multi-segment record.

    Parameters
    ----------
    paths : iterable of path
        Files and folders.
    annotator : str
        An annotation file of that name without its record is a problem.
    ignore : Path, optional
        A folder to leave out: that of the results.
    """
    files: list[Path] = []
    problems: list[Problem] = []
    roots: list[str] = []
    for path in (Path(p) for p in paths):
        try:
            if path.is_dir():
                found, lost = _in_folder(path, annotator, ignore)
                roots.append(str(path.absolute()))
                files += found
                problems += lost
            else:
                reader_of(path)
                file = header_of(path) or path
                roots.append(str(file.absolute().parent))
                files.append(file)
        except EdgeCNNError as error:
            problems.append(Problem(str(path), error))
    unique = {file.resolve(): file for file in reversed(files)}
    kept = [file for file in files if unique.pop(file.resolve(), None) is not None]
    base = Path(os.path.normpath(os.path.commonpath(roots))) if roots else Path()
    return FoundRecords(tuple(_named(kept, base)), tuple(problems))


def _in_folder(
    folder: Path, annotator: str, ignore: Path | None
) -> tuple[list[Path], list[Problem]]:
    found: list[Path] = []
    problems: list[Problem] = []
    hidden = ignore.resolve() if ignore is not None else None

    def unreadable(error: OSError) -> None:
        cause = DataError(f"cannot list {error.filename}: {error.strerror}")
        problems.append(Problem(str(error.filename), cause))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        here = Path(place)
        folders[:] = sorted(
            name for name in folders if name[0] != "." and (here / name).resolve() != hidden
        )
        visible = sorted(name for name in names if name[0] != ".")
        headers = {name for name in visible if name.endswith(_HEADER)}
        segments = {segment for name in headers for segment in _segments(here / name)}
        for name in visible:
            file = here / name
            if _is_record(file, headers):
                if file.suffix != _HEADER or file.stem not in segments:
                    found.append(file)
            elif file.suffix == f".{annotator}" and file.stem + _HEADER not in headers:
                error = RecordError(
                    f"{file} annotates a record that is not there: no {file.stem}{_HEADER}",
                    hint="put the record's header and signal files beside it",
                )
                problems.append(Problem(str(file), error))
    if not found and not problems:
        raise DataError(
            f"no records in {folder}",
            hint=f"WFDB records (.hea), {', '.join(s for s in SUFFIXES if s != _HEADER)} are read",
        )
    return found, problems


def _is_record(file: Path, headers: set[str]) -> bool:
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        return False
    if suffix == ".mat" and file.stem + _HEADER in headers:
        return False
    return suffix != _ANY_TEXT or looks_like_samples(file)


def _segments(header: Path) -> list[str]:
    """Return the records that a multi-segment header is made of."""
    try:
        text = header.read_text(encoding="utf-8", errors="replace")
    except OSError:
        # Whoever reads the record says what is wrong.
        return []
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] != "#"]
    if not lines or "/" not in lines[0][0]:
        return []
    return [line[0] for line in lines[1:]]


def _named(files: list[Path], base: Path) -> Iterable[RecordFile]:
    stems = [_stem(file, base) for file in files]
    count = Counter(stems)
    used: set[str] = set()
    for file, stem in zip(files, stems, strict=True):
        # Of `100.hea` and `100.csv` the header's record keeps its name.
        clash = count[stem] > 1 and file.suffix != _HEADER
        name = f"{stem}_{file.suffix[1:]}" if clash else stem
        while name in used:
            name += "_"
        used.add(name)
        yield RecordFile(file, name)


def _stem(file: Path, base: Path) -> str:
    relative = Path(os.path.relpath(file.absolute(), base)).with_suffix("")
    if file.suffix == _HEADER:
        return relative.as_posix()
    # A WFDB header is written for it, whose record names have letters, digits, - and _ only.
    return relative.with_name(re.sub(r"[^-\w]+", "_", relative.name)).as_posix()
