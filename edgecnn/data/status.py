"""Which datasets are on this machine."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from edgecnn.data.catalogue import CATALOGUE
from edgecnn.data.registry import files_of, find_named

__all__ = ["DatasetStatus", "SplitStatus", "dataset_status"]


class SplitStatus(Struct, frozen=True, kw_only=True):
    """Where one split lies: ``folder`` and ``through`` are None when it is not here."""

    name: str
    folder: str | None
    through: str | None
    size_bytes: int


class DatasetStatus(Struct, frozen=True, kw_only=True):
    """A named dataset: what it is, its terms, and what of it is here."""

    name: str
    title: str
    attribution: str
    licence: str
    download_bytes: int
    splits: tuple[SplitStatus, ...]


def dataset_status(*, root: Path | None = None) -> tuple[DatasetStatus, ...]:
    """Look for all named datasets; nothing is downloaded or decoded.

    Raises
    ------
    MissingFileError
        ``EDGECNN_DATA`` or ``root`` names a folder that does not exist.
    """
    return tuple(
        DatasetStatus(
            name=entry.name,
            title=entry.title,
            attribution=entry.attribution,
            licence=entry.licence,
            download_bytes=entry.download_bytes,
            splits=tuple(_split_status(entry.name, split, root) for split in entry.splits),
        )
        for entry in CATALOGUE.values()
    )


def _split_status(name: str, split: str, root: Path | None) -> SplitStatus:
    found = find_named(name, split, root=root)
    if found is None:
        return SplitStatus(name=f"{name}:{split}", folder=None, through=None, size_bytes=0)
    sizes = [file.stat().st_size for file in files_of(name, split, found.folder)]
    return SplitStatus(
        name=f"{name}:{split}",
        folder=str(found.folder),
        through=found.through,
        size_bytes=sum(sizes),
    )
