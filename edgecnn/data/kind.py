"""What a dataset holds, told without reading it."""

from __future__ import annotations

import os
from pathlib import Path

from edgecnn.data.catalogue import CATALOGUE
from edgecnn.data.manifest import is_manifest, read_manifest
from edgecnn.errors import DataError
from edgecnn.metadata import InputSpec, reads

__all__ = ["folder_kind", "require_kind"]


def require_kind(data: str | os.PathLike[str], spec: InputSpec) -> None:
    """Refuse data of another kind than a model reads, before any of it is fetched or opened.

    Parameters
    ----------
    data : str or path
        As :func:`edgecnn.data.open_dataset` takes it. What names nothing passes: opening it says
        what is wrong.
    spec : InputSpec
        ``metadata.input`` of the model.

    Raises
    ------
    DataError

    Examples
    --------
    >>> from edgecnn.metadata import ImageInput
    >>> require_kind("mnist:test", ImageInput(height=28, width=28, colour="gray"))
    """
    text = os.fspath(data)
    path = Path(text)
    name, colon, _ = text.partition(":")
    if not text.strip():
        return  # as a path, it would be the current folder
    if name in CATALOGUE and (colon or not path.is_dir()):
        kind = CATALOGUE[name].holds
    elif path.is_dir():
        kind = folder_kind(path)
    else:
        kind = _file_kind(path)
    wanted = reads(spec)
    if kind and kind != wanted:
        raise DataError(
            f"{text} holds {kind}, but the model reads {wanted}",
            hint="`edgecnn datasets` lists the others",
        )


def _file_kind(path: Path) -> str:
    """Tell what a file holds by its name, or if it is a list, by its first name."""
    if is_manifest(path):
        return read_manifest(path).holds
    if path.suffix == ".txt" and path.is_file():
        return "characters"
    is_record = path.suffix.lower() in ("", ".hea", ".dat") and path.with_suffix(".hea").is_file()
    return "heartbeats" if is_record else ""


def folder_kind(folder: Path) -> str:
    """Tell what a folder holds by the names in it; empty when there are none."""
    if any(folder.glob("*.hea")):
        return "heartbeats"
    suffixes = {entry.suffix for entry in folder.iterdir()}
    if suffixes == {".txt"}:
        return "sentences"
    return "pictures" if suffixes else ""
