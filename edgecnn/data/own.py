"""Data of one's own: a path to what it holds."""

from __future__ import annotations

from pathlib import Path

from edgecnn.data.array_file import ARRAY_SUFFIXES
from edgecnn.data.dataset import Dataset
from edgecnn.data.kind import folder_kind
from edgecnn.errors import DatasetError, MissingFileError

__all__ = ["TENSORS", "open_own"]

#: What precedes the path of an array file that holds a model's own tensors.
TENSORS = "tensors:"


def open_own(text: str, *, labels: tuple[str, ...] | None = None) -> Dataset | None:
    """Open a path.

    Parameters
    ----------
    text : str
        As :func:`edgecnn.data.open_dataset` takes it.
    labels : tuple of str, optional
        The model's, which targets shall index.

    Returns
    -------
    Dataset or None
        None if nothing is there.
    """
    stated = text.startswith(TENSORS)
    path = Path(text.removeprefix(TENSORS))
    if stated or path.suffix.lower() in ARRAY_SUFFIXES:
        from edgecnn.data.array_file import open_array_file, open_tensor_file

        if not path.is_file():
            raise MissingFileError(f"no such file: {path}")
        if stated:
            if path.suffix.lower() not in ARRAY_SUFFIXES:
                raise DatasetError(f"{path} is no .npy or .npz file")
            return open_tensor_file(path, labels=labels)
        return open_array_file(path, labels=labels)
    if path.is_dir():
        return _open_folder(path, labels)
    return _open_file(path, labels)


def _open_folder(folder: Path, labels: tuple[str, ...] | None) -> Dataset:
    kind = folder_kind(folder)
    if kind == "heartbeats":
        from edgecnn.data.mitdb import open_record_folder

        return open_record_folder(folder)
    if kind == "sentences":
        from edgecnn.data.text import open_sentence_folder

        return open_sentence_folder(folder, labels=labels)
    from edgecnn.data.folder import open_folder

    return open_folder(folder, labels=labels)


def _open_file(path: Path, labels: tuple[str, ...] | None) -> Dataset | None:
    from edgecnn.data.manifest import is_manifest, read_manifest

    if is_manifest(path):
        manifest = read_manifest(path)
        if manifest.holds == "heartbeats":
            from edgecnn.data.mitdb import open_records

            return open_records(manifest.paths, name=path.name)
        from edgecnn.data.folder import open_picture_list

        return open_picture_list(manifest, labels=labels)
    if path.suffix == ".txt" and path.is_file():
        from edgecnn.data.text import open_text_file

        return open_text_file(path)
    if path.suffix.lower() in ("", ".hea", ".dat") and path.with_suffix(".hea").is_file():
        from edgecnn.data.mitdb import open_records

        return open_records([path], name=path.stem)
    if path.exists():
        raise DatasetError(
            f"{path} is a file, not a folder or a dataset's name",
            hint="files that are read: .csv, .jsonl and .txt lists of files, .npy, .npz, WFDB .hea",
        )
    return None
