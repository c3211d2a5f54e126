"""Files and folders in, the records among them out, each with a name of its own."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgecnn.ecg.readers import SUFFIXES, header_of, reader_of
from edgecnn.ecg.readers.csv import looks_like_samples
from edgecnn.ecg.readers.dicom_names import is_waveform
from edgecnn.ecg.readers.xml import looks_like_ecg
from edgecnn.ecg.record_patterns import fixed_part, is_pattern, matching
from edgecnn.errors import DataError, EdgeCNNError, MissingFileError, RecordError

__all__ = ["FoundRecords", "Problem", "RecordFile", "find_records"]

_HEADER = ".hea"
#: What may be anything is taken from a folder only if it begins like a recording.
_LOOKS_RIGHT = {".txt": looks_like_samples, ".xml": looks_like_ecg}
#: Suffixes of recordings that are of WFDB records, too: signal files and annotators.
_BESIDE_HEADERS = (".mat", ".ecg")
_READ = f"WFDB records (.hea), {', '.join(s for s in SUFFIXES if s != _HEADER)} are read"


class _NoRecordsError(DataError):
    """Nothing to score in a place that is there."""


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
    lead, rate_hz, beats : optional
        What a manifest says of this record; it goes before the run's own options.
    """

    path: Path
    name: str
    lead: str | None = None
    rate_hz: float | None = None
    beats: str | None = None


@dataclass(frozen=True)
class Problem:
    """A path that gives no result, and why."""

    path: str
    error: EdgeCNNError

    @property
    def reason(self) -> str:
        """The error's message without the path, which is told beside it.

        Examples
        --------
        >>> Problem("a/r.csv", RecordError("a/r.csv: line 4: 'x' is no number")).reason
        "line 4: 'x' is no number"
        >>> Problem("a/r.csv", RecordError("cannot read a/r.csv: it is locked")).reason
        'cannot read: it is locked'
        """
        escaped = re.escape(self.path)
        # What follows may be another path that begins alike: `r.csv` is not in `r.csv.gz`.
        text = re.sub(rf"(?: in|:)? *(?<!\S){escaped}(?=[:, ]|$)", "", self.error.message)
        folder = os.path.dirname(self.path)  # noqa: PTH120 - `Path` would make "" a point
        if folder:
            text = text.replace(f"{folder}/", "")
        return text.lstrip(":, ") or self.error.message


@dataclass(frozen=True)
class FoundRecords:
    """Records in the order of the given paths, folders sorted, and what is no record.

    Attributes
    ----------
    records : tuple of RecordFile
    problems : tuple of Problem
    links : tuple of (Path, Path)
        Links that lead to one of the records, and that record's own path: it is there once.
    """

    records: tuple[RecordFile, ...]
    problems: tuple[Problem, ...]
    links: tuple[tuple[Path, Path], ...] = ()


def find_records(
    paths: Iterable[str | os.PathLike[str]],
    *,
    annotator: str = "atr",
    ignore: Path | None = None,
    listed: Sequence[RecordFile] = (),
) -> FoundRecords:
    """Find the records that paths name.

    A WFDB record is one, however many files it has and however often it is named. In folders (and
    the folders in them) hidden files are left out, text files that hold no samples, and the
    segments of a multi-segment record.

    Parameters
    ----------
    paths : iterable of path
        Files, folders, and patterns of both: ``recordings/**/rec*.hea``.
    annotator : str
        An annotation file of that name without its record is a problem.
    ignore : Path, optional
        A folder to leave out: that of the results.
    listed : sequence of RecordFile
        More records, from a manifest (:func:`~edgecnn.ecg.manifest.read_manifest`). One may be
        there several times, with different leads.
    """
    files: list[RecordFile] = []
    problems: list[Problem] = []
    roots: list[str] = []
    for path in (Path(p) for p in paths):
        try:
            if path.is_dir() or is_pattern(path):
                look = _in_folder if path.is_dir() else _matching
                found, lost = look(path, annotator, ignore)
                root = path if path.is_dir() else fixed_part(path)
                roots.append(str(root.absolute()))
                files += (RecordFile(file, "") for file in found)
                problems += lost
            else:
                reader_of(path)
                file = header_of(path) or path
                roots.append(str(file.absolute().parent))
                files.append(RecordFile(file, ""))
        except EdgeCNNError as error:
            problems.append(Problem(str(path), error))
    for entry in listed:
        try:
            reader_of(entry.path)
            file = header_of(entry.path) or entry.path
            roots.append(str(file.absolute().parent))
            files.append(replace(entry, path=file))
        except EdgeCNNError as error:
            problems.append(Problem(str(entry.path), error))
    unique: dict[object, RecordFile] = {}
    links: dict[Path, Path] = {}
    for found_file in files:
        first = unique.setdefault(_identity(found_file), found_file)
        if os.path.normpath(found_file.path.absolute()) != os.path.normpath(first.path.absolute()):
            links[found_file.path] = first.path
    kept = list(unique.values())
    base = Path(os.path.normpath(os.path.commonpath(roots))) if roots else Path()
    # Folders that overlap tell of the same trouble.
    different = {problem.path: problem for problem in reversed(problems)}
    lost = [problem for problem in problems if different.pop(problem.path, None) is not None]
    return FoundRecords(tuple(_named(kept, base)), tuple(lost), tuple(links.items()))


def _identity(file: RecordFile) -> tuple[Path, str | None, float | None, str | None]:
    return file.path.resolve(), file.lead, file.rate_hz, file.beats


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
        parts = {name.removesuffix(_HEADER): _segments(here / name) for name in headers}
        # What has segments itself is none: whoever reads it says what is wrong.
        segments = {name for own in parts.values() for name in own if not parts.get(name)}
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
        raise _NoRecordsError(f"no records in {folder}", hint=_READ)
    return found, problems


def _matching(
    pattern: Path, annotator: str, ignore: Path | None
) -> tuple[list[Path], list[Problem]]:
    """Find records among the files and folders that match; what is no record may match, too."""
    matches = matching(pattern)
    if not matches:
        raise MissingFileError(f"nothing matches {pattern}", hint="check the pattern")
    hidden = ignore.resolve() if ignore is not None else None
    found: list[Path] = []
    problems: list[Problem] = []
    for match in matches:
        if hidden is not None and match.resolve().is_relative_to(hidden):
            continue
        if match.is_dir():
            with contextlib.suppress(_NoRecordsError):
                inside, lost = _in_folder(match, annotator, ignore)
                found += inside
                problems += lost
        elif (header := header_of(match)) is not None:
            found.append(header)
        elif _is_record(match, set()):
            found.append(match)
    parts = {(file.parent, file.stem): _segments(file) for file in found if file.suffix == _HEADER}
    segments = {
        (folder, name)
        for (folder, _), own in parts.items()
        for name in own
        if not parts.get((folder, name))
    }
    found = sorted(file for file in set(found) if (file.parent, file.stem) not in segments)
    if not found and not problems:
        raise _NoRecordsError(f"no record matches {pattern}", hint=_READ)
    return found, problems


def _is_record(file: Path, headers: set[str]) -> bool:
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        return is_waveform(file)
    if suffix in _BESIDE_HEADERS and file.stem + _HEADER in headers:
        return False
    looks_right = _LOOKS_RIGHT.get(suffix)
    return looks_right is None or looks_right(file)


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


def _named(files: list[RecordFile], base: Path) -> Iterable[RecordFile]:
    stems = [_clean(file) if file.name else _stem(file.path, base) for file in files]
    count = Counter(stems)
    used: set[str] = set()
    for file, stem in zip(files, stems, strict=True):
        # Of `100.hea` and `100.csv` the header's record keeps its name.
        clash = count[stem] > 1 and not file.name and file.path.suffix != _HEADER
        name = f"{stem}_{file.path.suffix[1:]}" if clash else stem
        while name in used:
            name += "_"
        used.add(name)
        yield replace(file, name=name)


def _stem(file: Path, base: Path) -> str:
    relative = Path(os.path.relpath(file.absolute(), base)).with_suffix("")
    if file.suffix == _HEADER:
        return relative.as_posix()
    return _wfdb_name(relative)


def _clean(file: RecordFile) -> str:
    name = Path(file.name)
    return name.as_posix() if file.path.suffix == _HEADER else _wfdb_name(name)


def _wfdb_name(relative: Path) -> str:
    """Return a name of which a WFDB header can be written: letters, digits, - and _."""
    return relative.with_name(re.sub(r"[^-\w]+", "_", relative.name)).as_posix()
