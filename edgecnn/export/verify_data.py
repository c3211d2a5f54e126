"""Raw inputs that the user names for a comparison: a dataset, a folder, or single files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgecnn.data import open_dataset
from edgecnn.data.arrays import combined_sha256
from edgecnn.data.dataset import Dataset, DatasetInfo
from edgecnn.errors import DataError, MissingFileError
from edgecnn.export.samples import Samples, dataset_samples
from edgecnn.files import sha256_of
from edgecnn.metadata import ModelMetadata
from edgecnn.preprocessing.picture import PICTURE_SUFFIXES

__all__ = ["named_samples", "open_named"]

_RECORD_SUFFIXES = ("", ".hea", ".dat")


def named_samples(
    named: Sequence[str | os.PathLike[str]],
    metadata: ModelMetadata,
    *,
    limit: int = 256,
    seed: int = 0,
) -> Samples:
    """Preprocess what was named, by the contract.

    Parameters
    ----------
    named : sequence of str or path
        One of what :func:`edgecnn.data.open_dataset` takes: a dataset (``mnist:test``), a folder, a
        list of files, arrays. Or pictures, one or several, or WFDB records, whose beats are found
        as a device finds them where nobody annotated them.
    metadata : ModelMetadata
    limit : int
        How many examples are drawn at most.
    seed : int

    Raises
    ------
    MissingFileError
        No such dataset, folder or file.
    DataError
        Nothing in it, or not what the network reads.
    """
    return dataset_samples(open_named(named), metadata, limit=limit, seed=seed)


def open_named(named: Sequence[str | os.PathLike[str]]) -> Dataset:
    """Open what was named; parameter and errors are those of :func:`named_samples`."""
    texts = [os.fspath(one) for one in named]
    paths = [Path(text) for text in texts]
    if all(path.suffix.lower() in PICTURE_SUFFIXES and not path.is_dir() for path in paths):
        return _pictures(paths)
    if len(texts) == 1:
        return open_dataset(texts[0])
    if all(path.suffix.lower() in _RECORD_SUFFIXES and not path.is_dir() for path in paths):
        from edgecnn.data.mitdb import open_records

        return open_records(paths, name=_title(paths))
    raise DataError(
        f"not files of one kind: {', '.join(texts)}",
        hint="name pictures, WFDB records, or one dataset or folder",
    )


def _pictures(paths: Sequence[Path]) -> Dataset:
    from edgecnn.data.folder import PictureFolder

    for path in paths:
        if not path.is_file():
            raise MissingFileError(f"no such file: {path}")
    info = DatasetInfo(
        name=_title(paths),
        split="all",
        labels=(),
        sha256=combined_sha256(sha256_of(path) for path in paths),
        attribution="the user's own pictures",
        licence="not stated",
    )
    return PictureFolder(info, tuple(paths), None)


def _title(paths: Sequence[Path]) -> str:
    return paths[0].name + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")
