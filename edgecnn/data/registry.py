"""Names of datasets to readers."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from edgecnn.data.catalogue import CATALOGUE, DatasetEntry
from edgecnn.data.dataset import Dataset
from edgecnn.data.download import Progress
from edgecnn.data.locate import Location, find_dataset, locate_dataset
from edgecnn.data.own import open_own
from edgecnn.errors import MissingFileError, UsageError

__all__ = ["dataset_names", "fetch_dataset", "files_of", "find_named", "open_dataset"]


def dataset_names() -> tuple[str, ...]:
    """Return what :func:`open_dataset` takes besides a path: ``mnist:train``, ..."""
    return tuple(f"{e.name}:{split}" for e in CATALOGUE.values() for split in e.splits)


def open_dataset(
    spec: str | os.PathLike[str],
    *,
    labels: tuple[str, ...] | None = None,
    root: Path | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Dataset:
    """Open a dataset by name, or data of one's own.

    Parameters
    ----------
    spec : str or path
        ``mnist:train``, ``mnist:test``, ``cifar10:train``, ``cifar10:test``,
        ``digit-scenes:train``, ``digit-scenes:validation``, ``digit-scenes:test``, ``mitdb:ds1``,
        ``mitdb:ds2``, ``mitdb:100,101`` (records), ``mitdb-rhythm:fragments-train``,
        ``mitdb-rhythm:fragments-test``, ``mitdb-rhythm:records-train``,
        ``mitdb-rhythm:records-test``, ``rt-polarity:train``, ``rt-polarity:test``,
        ``rt-polarity:all``, ``tinyshakespeare:train``, ``tinyshakespeare:validation``, or a path:
        a folder of pictures, in sub-folders by class or unlabelled; of WFDB records with ``.atr``
        annotations; of sentences in a file ``LABEL.txt`` per class; one record (``.hea``); a list
        of picture files or records, with or without labels (``.csv``, ``.jsonl``, ``.txt``; see
        :func:`edgecnn.data.manifest.read_manifest`); pictures in an array (``.npy``, ``.npz``;
        see :mod:`edgecnn.data.array_file`); ``tensors:FILE.npz``, a model's own preprocessed
        inputs; or any other ``.txt`` file, to learn to write from. Records without annotations
        have beats that are found, and no labels.
    labels : tuple of str, optional
        For a folder of one's own: the model's labels, which targets shall index.
    root : Path, optional
        Where a named dataset lies; otherwise ``EDGECNN_DATA``, the user's cache and the public
        download are tried in this order.
    download : bool
        Whether an absent dataset may be downloaded (also off when ``EDGECNN_OFFLINE`` is set).
    progress : callable, optional
        Told a download's progress.

    Raises
    ------
    UsageError
        No such name or split, or an empty one.
    DatasetError
        The dataset is absent, incomplete or broken.
    MissingFileError
        No such folder.
    """
    text = os.fspath(spec)
    location = fetch_dataset(spec, root=root, download=download, progress=progress)
    if location is not None:
        name, _, split = text.partition(":")
        return _read(name, location.folder, split)
    dataset = open_own(text, labels=labels)
    if dataset is None:
        raise MissingFileError(
            f"no such dataset or folder: {text}", hint=f"datasets: {', '.join(dataset_names())}"
        )
    return dataset


def fetch_dataset(
    spec: str | os.PathLike[str],
    *,
    root: Path | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Location | None:
    """Make sure that a named dataset is on this machine, without reading it.

    Parameters and errors are those of :func:`open_dataset`.

    Returns
    -------
    Location or None
        None for a path, which names no dataset.
    """
    text = os.fspath(spec)
    if not text.strip():
        # As a path it would be the current folder, which nobody means by it.
        raise UsageError(
            "a dataset's name or folder is empty",
            hint=f"datasets: {', '.join(dataset_names())}; . is the current folder",
        )
    name, colon, split = text.partition(":")
    if name not in CATALOGUE or (not colon and Path(text).is_dir()):
        return None
    entry = CATALOGUE[name]
    _check_split(entry, split)
    return locate_dataset(
        entry,
        partial(_is_complete, name, split),
        root=root,
        needed=_needed(name, split),
        download=download,
        progress=progress,
    )


def find_named(name: str, split: str, *, root: Path | None = None) -> Location | None:
    """Tell where a named dataset's split lies on this machine; None when it is absent."""
    return find_dataset(CATALOGUE[name], partial(_is_complete, name, split), root=root)


def _check_split(entry: DatasetEntry, split: str) -> None:
    if split in entry.splits:
        return
    known = ", ".join(f"{entry.name}:{name}" for name in entry.splits)
    if entry.name != "mitdb" or not split:
        raise UsageError(f"{entry.name} has no split {split!r}", hint=f"there are: {known}")
    published = {file.name for file in entry.files}
    for record in split.split(","):
        if f"{record}.hea" not in published:
            raise UsageError(
                f"mitdb has no record {record!r}",
                hint=f"there are {known}, or records with commas between them: mitdb:100,101",
            )


def files_of(name: str, split: str, folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder that a split is read from, whether they are there or not."""
    if name == "mnist":
        from edgecnn.data.mnist import mnist_files

        return tuple(folder / file for file in mnist_files(split))
    if name == "digit-scenes":
        from edgecnn.data.mnist import mnist_files

        return tuple(folder / file for file in mnist_files("test" if split == "test" else "train"))
    if name == "cifar10":
        from edgecnn.data.cifar10 import cifar10_archive

        return (cifar10_archive(folder, split),)
    if name == "rt-polarity":
        from edgecnn.data.rt_polarity import rt_polarity_files

        return rt_polarity_files(folder)
    if name == "tinyshakespeare":
        from edgecnn.data.tinyshakespeare import TINYSHAKESPEARE_FILE

        return (folder / TINYSHAKESPEARE_FILE,)
    return tuple(folder / file for file in _record_files(name, split))


def _is_complete(name: str, split: str, folder: Path) -> bool:
    return all(file.is_file() for file in files_of(name, split, folder))


def _needed(name: str, split: str) -> tuple[str, ...]:
    """Return the published files that a split needs; empty for all of them."""
    return _record_files(name, split) if name in ("mitdb", "mitdb-rhythm") else ()


def _record_files(name: str, split: str) -> tuple[str, ...]:
    if name == "mitdb-rhythm":
        from edgecnn.data.mitdb_rhythm import rhythm_files

        return rhythm_files()
    from edgecnn.data.mitdb import record_files

    return record_files(split)


def _read(name: str, folder: Path, split: str) -> Dataset:
    if name == "mnist":
        from edgecnn.data.mnist import open_mnist

        return open_mnist(folder, split)
    if name == "digit-scenes":
        from edgecnn.data.digit_scenes import open_digit_scenes

        return open_digit_scenes(folder, split)
    if name == "cifar10":
        from edgecnn.data.cifar10 import open_cifar10

        return open_cifar10(folder, split)
    if name == "rt-polarity":
        from edgecnn.data.rt_polarity import open_rt_polarity

        return open_rt_polarity(folder, split)
    if name == "tinyshakespeare":
        from edgecnn.data.tinyshakespeare import open_tinyshakespeare

        return open_tinyshakespeare(folder, split)
    if name == "mitdb-rhythm":
        from edgecnn.data.mitdb_rhythm import open_mitdb_rhythm

        return open_mitdb_rhythm(folder, split)
    from edgecnn.data.mitdb import open_mitdb

    return open_mitdb(folder, split)
