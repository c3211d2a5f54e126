"""Records with two annotation files each, found among files, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgecnn.ecg.annotations import annotation_path
from edgecnn.ecg.readers import header_of
from edgecnn.ecg.record_files import Problem, find_records
from edgecnn.errors import DataError, UsageError

__all__ = ["AnnotatedRecord", "find_pairs"]


@dataclass(frozen=True)
class AnnotatedRecord:
    """A record whose annotators are to be compared.

    Attributes
    ----------
    name : str
        Relative to what all records have in common; no two have the same.
    reference, test : Path
        Paths of the annotation files without the annotator's name.
    header : Path or None
        Of a WFDB record.
    """

    name: str
    reference: Path
    test: Path
    header: Path | None


def find_pairs(
    paths: Iterable[str | os.PathLike[str]],
    *,
    reference: str,
    test: str,
    test_dir: Path | None = None,
) -> tuple[list[AnnotatedRecord], list[Problem]]:
    """Find the records that paths name, and where the annotation files of each belong.

    Whether the files are there is seen when they are read. Annotation files need no record beside
    them.

    Parameters
    ----------
    paths : iterable of path
        Records, reference annotation files, folders and patterns of them.
    reference, test : str
        Annotators.
    test_dir : Path, optional
        Folder of the test annotator's files, under the records' names as ``edgecnn score`` gives
        them, or else under the names of their files; the default is beside the reference.

    Returns
    -------
    tuple of list
        Records, and problems.

    Raises
    ------
    UsageError
        No paths, or both annotation files of every record would be the same.
    DataError
        Not one record in all the paths.
    """
    for annotator in (reference, test):
        if not annotator or Path(annotator).name != annotator:
            raise UsageError(
                f"{annotator!r} is neither an annotator nor a folder that is there",
                hint="an annotator is the suffix of its files: atr, edge",
            )
    if reference == test and test_dir is None:
        raise UsageError(
            f"{reference} would be compared with itself",
            hint="name another annotator with --test, or the folder of its files with --test-dir",
        )
    paths = [Path(path) for path in paths]
    found = find_records(paths, annotator=reference)
    pairs: list[AnnotatedRecord] = []
    names: set[str] = set()

    def add(name: str, base: Path, header: Path | None) -> None:
        while name in names:
            name += "_"
        names.add(name)
        own = base if test_dir is None else _in_folder(test_dir, name, base.name, test)
        pairs.append(AnnotatedRecord(name, base, own, header))

    for record in found.records:
        base = record.path.with_suffix("")
        # A folder's files in other formats need not be annotated.
        is_wanted = record.path.suffix == ".hea" or record.path in paths
        if is_wanted or annotation_path(base, reference).is_file():
            add(record.name, base, header_of(record.path))
    problems = []
    for problem in found.problems:
        base = Path(problem.path.removesuffix(f".{reference}"))
        if annotation_path(base, reference).is_file():
            add(base.name, base, None)
        else:
            problems.append(problem)
    if pairs:
        return pairs, problems
    if len(problems) == 1:
        raise problems[0].error
    if problems:
        first = problems[0].error
        raise DataError(f"no records; the first problem: {first.message}", hint=first.hint)
    if found.records:
        raise DataError(
            f"no annotation file of {reference} beside any record",
            hint="name the annotator with --reference",
        )
    raise UsageError("no records to compare", hint="name records, or folders of them")


def _in_folder(folder: Path, name: str, file: str, annotator: str) -> Path:
    by_name = folder / name
    by_file = folder / file
    if not annotation_path(by_name, annotator).is_file():
        return by_file if annotation_path(by_file, annotator).is_file() else by_name
    return by_name
