"""What a record's result depends on, in one hash: by it a run goes on where another one stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from edgecnn import __version__
from edgecnn.ecg.readers.wfdb_header import parse_header
from edgecnn.ecg.record_files import RecordFile
from edgecnn.errors import EdgeCNNError

__all__ = ["record_key"]

#: Changes when the content of a part does.
_PART_FORMAT = 2
_HEADER = ".hea"


def record_key(
    file: RecordFile, options: object, models: Sequence[str], annotator: str | None
) -> str:
    """Hash the content of a record's files, the models, the options, and this version.

    Parameters
    ----------
    file : RecordFile
        Its name and path, which the tables tell, count as well.
    options : object
        Plain data.
    models : sequence of str
        SHA-256 of the beat model's file and, if there is one, the rhythm model's.
    annotator : str, optional
        Whose annotation file is read.

    Returns
    -------
    str
        In hexadecimal.

    Raises
    ------
    OSError
        A file that cannot be read.
    """
    settings = (_PART_FORMAT, __version__, tuple(models), options, file.name, str(file.path))
    whole = hashlib.sha256(msgspec.json.encode(settings, enc_hook=str))
    for path in _files_of(file.path, annotator):
        whole.update(f"\0{path.name}\0".encode())
        # What is missing is for the reader to tell.
        if path.is_file():
            with path.open("rb") as content:
                whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()[:32]


def _files_of(path: Path, annotator: str | None) -> Iterator[Path]:
    yield path
    if path.suffix == _HEADER:
        yield from _files_of_header(path)
    if annotator is not None:
        yield path.with_name(f"{path.stem}.{annotator}")


def _files_of_header(path: Path) -> Iterator[Path]:
    try:
        header = parse_header(path)
    except (EdgeCNNError, OSError):
        return
    # A header names files beside it, never elsewhere.
    for name in dict.fromkeys(Path(signal.file).name for signal in header.signals):
        yield path.with_name(name)
    for name in dict.fromkeys(name for name, _ in header.segments or ()):
        segment = path.with_name(f"{Path(name).name}{_HEADER}")
        if segment != path and segment.is_file():
            yield segment
            yield from _files_of_header(segment)
