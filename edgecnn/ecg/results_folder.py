"""The folder of a scoring run's results: filled all at once, or as the run before left it.

What a run makes lies hidden in the folder until all is done. Then one rename decides: what was
hidden before it is thrown away by the next run, and what was decided is moved into place, by the
next run if this one is killed in the middle of that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edgecnn.ecg.annotated_copy import remove_annotated_copies
from edgecnn.errors import EdgeCNNError
from edgecnn.files import is_temporary

__all__ = ["ResultsFolder", "open_results", "told_as_error"]

_UNFINISHED = ".parts"
_DECIDED = ".merge"
_PLAN = "plan.json"
_ANNOTATIONS = "annotations"
_PAGES = "records"
_PART = ".part"
#: What each file in ``records/`` begins with, if it was written here.
_OWN = {".html": b"<!doctype html>\n<!-- edgecnn record", ".json": b'{"edgecnn":'}


class ResultsFolder:
    """Where a run writes, and where that will be found.

    Attributes
    ----------
    out : Path
        The folder of the results.
    parts : Path
        Hidden folder for what is not finished: parts of records, tables.
    staged_annotations : Path
        Folder in ``parts`` that annotation files are written to.
    annotations : Path
        Folder in ``out`` where they will be found.
    staged_pages : Path
        Folder in ``parts`` for each record's page and document; they will be in ``out/records``.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.parts = out / _UNFINISHED
        self.staged_annotations = self.parts / _ANNOTATIONS
        self.annotations = out / _ANNOTATIONS
        self.staged_pages = self.parts / _PAGES

    def part(self, key: str) -> Path:
        """Return the file of a part, by the hash of all that it depends on."""
        return self.parts / f"{key}{_PART}"

    def finished(self) -> int:
        """Count the parts that are there: what a run that was stopped has done already."""
        return sum(not is_temporary(path) for path in self.parts.glob(f"*{_PART}"))

    def check_open(self) -> None:
        """Refuse to write where a run is over: a group that was handed out twice may come late.

        Raises
        ------
        EdgeCNNError
        """
        with told_as_error(self.out):
            # A network's file system may remember that there was none, but not list it wrongly.
            if self.parts.is_dir() or self.parts in self.out.iterdir():
                return
        raise EdgeCNNError(
            f"the run that writes to {self.out} is over",
            hint=f"if it is not, its folder {_UNFINISHED} was removed: start it again",
        )

    def publish(
        self,
        names: Iterable[str],
        kept: Iterable[Path],
        pages: Iterable[str] = (),
        *,
        obsolete: Iterable[str] = (),
    ) -> None:
        """Put tables and annotations into their place; those of an earlier run go.

        Parameters
        ----------
        names : iterable of str
            Files in ``parts`` to be moved to ``out``.
        kept : iterable of Path
            Annotation files in ``annotations`` that the tables tell of.
        pages : iterable of str
            Names of the files in ``staged_pages`` that are part of the results.
        obsolete : iterable of str
            Files in ``out`` that would tell of an earlier run.
        """
        names, staged = list(names), self.staged_annotations
        # Whoever was killed left what it was just writing.
        for path in self.parts.rglob(".*"):
            if is_temporary(path):
                path.unlink()
        # A record may have failed when its annotations were written already.
        remove_annotated_copies(staged, [staged / p.relative_to(self.annotations) for p in kept])
        found = sorted(p for p in staged.rglob("*") if p.is_symlink() or not p.is_dir())
        annotations = [str(path.relative_to(staged)) for path in found]
        plan = _Plan(
            files=names, annotations=annotations, obsolete=list(obsolete), pages=list(pages)
        )
        (self.parts / _PLAN).write_bytes(msgspec.json.encode(plan))
        # Once for all files, instead of once for each: on disk before they take others' place.
        os.sync()
        try:
            self.parts.rename(self.out / _DECIDED)
            _carry_out(self.out)
        except KeyboardInterrupt:
            # It is decided, and takes a moment only.
            _carry_out(self.out)
            raise


class _Plan(msgspec.Struct):
    """What is to be moved, and what to be removed."""

    files: list[str]
    annotations: list[str]
    obsolete: list[str]
    pages: list[str] = []


@contextmanager
def open_results(out: Path) -> Iterator[ResultsFolder]:
    """Make the folder if need be, and lock it.

    Parts that are not published when the block ends, however it ends, are found by the next run.
    The lock is the system's: it ends with the process.

    Raises
    ------
    EdgeCNNError
        The folder cannot be made or written to, or another run writes to it.
    """
    folder = ResultsFolder(out)
    is_new = not out.exists()
    with told_as_error(out):
        out.mkdir(parents=True, exist_ok=True)
        lock = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EdgeCNNError(
                f"another run is writing to {out}",
                hint="wait for it, or name another folder with -o",
            ) from None
        try:
            with told_as_error(out):
                _carry_out(out)
                for staged in (folder.staged_annotations, folder.staged_pages):
                    staged.mkdir(parents=True, exist_ok=True)
            yield folder
        finally:
            if not folder.finished():
                shutil.rmtree(folder.parts, ignore_errors=True)
            if is_new:
                with contextlib.suppress(OSError):  # Not empty: it has results.
                    out.rmdir()
    finally:
        os.close(lock)


@contextmanager
def told_as_error(out: Path) -> Iterator[None]:
    """Say in one line what the system refused."""
    try:
        yield
    except OSError as error:
        if isinstance(error, EdgeCNNError):
            raise
        raise EdgeCNNError(
            f"cannot write to {out}: {error.strerror}",
            hint="is it a folder, writable, and is there room on the disk?",
        ) from error


def _carry_out(out: Path) -> None:
    """Move what was decided into place; what an earlier try moved is there already."""
    decided, annotations = out / _DECIDED, out / _ANNOTATIONS
    plan_file = decided / _PLAN
    if plan_file.is_file():
        plan = msgspec.json.decode(plan_file.read_bytes(), type=_Plan)
        kept = [annotations / name for name in plan.annotations]
        remove_annotated_copies(annotations, kept)
        for name, target in zip(plan.annotations, kept, strict=True):
            _move(decided / _ANNOTATIONS / name, target)
        _remove_pages(out / _PAGES, set(plan.pages))
        for name in plan.pages:
            _move(decided / _PAGES / name, out / _PAGES / name)
        for name in plan.obsolete:
            (out / name).unlink(missing_ok=True)
        for name in plan.files:
            _move(decided / name, out / name)
    shutil.rmtree(decided, ignore_errors=True)


def _remove_pages(folder: Path, kept: set[str]) -> None:
    """Remove pages and documents of an earlier run; what was not written here stays."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):  # Not empty.
                path.rmdir()
        elif str(path.relative_to(folder)) not in kept and (own := _OWN.get(path.suffix)):
            with path.open("rb") as file:
                is_own = file.read(len(own)) == own
            if is_own:
                path.unlink()


def _move(source: Path, target: Path) -> None:
    if not source.is_symlink() and not source.exists():
        return
    # A record that lies among the results must not be replaced by a link to itself.
    if source.is_symlink() and source.resolve() == target.absolute() and not target.is_symlink():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
