"""Files by their content, for the lock of an export: noted, and found again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgecnn.errors import MissingFileError
from edgecnn.files import sha256_of
from edgecnn.metadata import LockedFile

__all__ = ["Found", "find_locked", "locked"]


@dataclass(frozen=True)
class Found:
    """A file of a lock, and where it lies here.

    ``same`` is False for one that has its name and another content.
    """

    file: LockedFile
    path: Path
    same: bool = True

    @property
    def remark(self) -> str:
        """What to say of one that is not the same."""
        return (
            f"{self.path} is not the file of then: sha256 {sha256_of(self.path)[:16]}..., it was "
            f"{self.file.sha256[:16]}..."
        )


def locked(
    path: Path, role: Literal["checkpoint", "weights", "code", "program", "model"]
) -> LockedFile:
    """Describe a file by name, size and hash."""
    return LockedFile(
        role=role, name=path.name, sha256=sha256_of(path), size_bytes=path.stat().st_size
    )


def find_locked(files: Sequence[LockedFile], places: Sequence[Path]) -> tuple[Found, ...]:
    """Look for files by their content, whatever they are called and wherever they lie.

    Parameters
    ----------
    files : sequence of LockedFile
    places : sequence of Path
        Files, and folders that are looked through to the bottom.

    Returns
    -------
    tuple of Found
        One for each file. Of several copies, the one that lies in a folder with the others is
        taken; where none has the content, one of the name.

    Raises
    ------
    MissingFileError
        No such place, or neither a file of the content nor one of the name in any.
    """
    for place in places:
        if not place.exists():
            raise MissingFileError(f"no such file or folder: {place}")
    known = [path for place in places for path in _walk(place)]
    copies = {file: [path for path in known if _is(path, file)] for file in files}
    folders = [{path.parent for path in found} for found in copies.values() if found]
    common = set.intersection(*folders) if folders else set()
    found = []
    for file, same in copies.items():
        if same:
            best = min(same, key=lambda p: (p.parent not in common, p.name != file.name, str(p)))
            found.append(Found(file, best))
            continue
        named = sorted(p for p in known if p.name == file.name)
        if not named:
            raise MissingFileError(
                f"{file.name} (sha256 {file.sha256[:16]}...) is not in "
                + ", ".join(map(str, places)),
                hint="name the folder or file: edgecnn export --rebuild FILE WHERE",
            )
        beside = [p for p in named if p.parent in {one.path.parent for one in found}]
        found.append(Found(file, (beside or named)[0], same=False))
    return tuple(found)


def _is(path: Path, file: LockedFile) -> bool:
    try:
        return path.stat().st_size == file.size_bytes and sha256_of(path) == file.sha256
    except OSError:
        return False  # gone, or not for us to read


def _walk(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for folder, below, names in os.walk(place):
        # Hidden ones hold caches and environments: no one's weights, and a lot of files.
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names))
