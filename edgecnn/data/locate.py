"""Where a named dataset lies on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecnn.data.catalogue import DatasetEntry
from edgecnn.data.download import Progress, fetch
from edgecnn.errors import DatasetError, MissingFileError

__all__ = ["Location", "cache_root", "find_dataset", "locate_dataset"]


@dataclass(frozen=True)
class Location:
    """A dataset's folder, and through what it was found.

    ``through`` is ``"path"``, ``"EDGECNN_DATA"``, ``"cache"`` or ``"download"``.
    """

    folder: Path
    through: str


def cache_root() -> Path:
    """Return the user's cache: ``$XDG_CACHE_HOME/edgecnn``, by default ``~/.cache/edgecnn``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edgecnn"


def find_dataset(
    entry: DatasetEntry, is_complete: Callable[[Path], bool], *, root: Path | None = None
) -> Location | None:
    """Look for a dataset without downloading it.

    Parameters
    ----------
    entry : DatasetEntry
    is_complete : callable
        Tells whether a folder holds the files that the caller will read.
    root : Path, optional
        The dataset's own folder, or one that holds it under its name; nothing else is looked at.

    Raises
    ------
    MissingFileError
        ``root`` or ``EDGECNN_DATA`` names a folder that does not exist.
    DatasetError
        ``root`` does not hold the dataset.
    """
    if root is not None:
        if not root.is_dir():
            raise MissingFileError(f"no such folder: {root}")
        for folder in (root / entry.name, root / entry.place, root):
            if is_complete(folder):
                return Location(folder, "path")
        raise DatasetError(
            f"no {entry.name} in {root}",
            hint=f"expected {_expected(entry)} in it or in {root / entry.name}",
        )
    named = os.environ.get("EDGECNN_DATA")
    if named:
        if not Path(named).is_dir():
            raise MissingFileError(
                f"EDGECNN_DATA names a folder that does not exist: {named}",
                hint="correct it, or unset it to use the cache and the download",
            )
        if is_complete(Path(named) / entry.place):
            return Location(Path(named) / entry.place, "EDGECNN_DATA")
    if is_complete(cache_root() / entry.place):
        return Location(cache_root() / entry.place, "cache")
    return None


def locate_dataset(
    entry: DatasetEntry,
    is_complete: Callable[[Path], bool],
    *,
    root: Path | None = None,
    needed: tuple[str, ...] = (),
    download: bool = True,
    progress: Progress | None = None,
) -> Location:
    """Return a dataset's folder, downloading it into the cache when it is nowhere else.

    Parameters
    ----------
    entry, is_complete, root
        As for :func:`find_dataset`.
    needed : tuple of str
        File names to fetch; the default is all of the entry's.
    download : bool
        Whether to download; otherwise an absent dataset is an error.

    Raises
    ------
    DatasetError
        The dataset is absent and cannot be (or shall not be) downloaded.
    """
    location = find_dataset(entry, is_complete, root=root)
    if location is not None:
        return location
    if not download or os.environ.get("EDGECNN_OFFLINE"):
        raise DatasetError(
            f"the dataset {entry.name} is not on this machine",
            hint=f"put {_expected(entry)} into $EDGECNN_DATA/{entry.place}/ or allow the download",
        )
    folder = cache_root() / entry.place
    for file in entry.files:
        if not needed or file.name in needed:
            fetch(file, folder, progress=progress)
    return Location(folder, "download")


def _expected(entry: DatasetEntry) -> str:
    names = [file.name for file in entry.files]
    return (
        ", ".join(names) if len(names) <= 4 else f"{names[0]}, {names[1]}, … ({len(names)} files)"
    )
