"""rt-polarity 1.0: 10,662 sentences from film reviews, half of them positive.

Pang & Lee 2005, doi:10.3115/1219840.1219855. The publication has no test set of its own, so papers
report ten folds. Besides all of it (``all``), there is a fixed split here that depends on nothing
but the sentences: one is in ``test`` when the first eight bytes of the SHA-256 of its UTF-8 text,
read as a big-endian number, are divisible by ten, and in ``train`` otherwise.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from pathlib import Path

import numpy as np

from edgecnn.data.arrays import combined_sha256
from edgecnn.data.catalogue import entry_of
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import Sentences, decode_text, split_lines, text_sha256
from edgecnn.errors import DatasetError

__all__ = ["RT_POLARITY_LABELS", "open_rt_polarity", "rt_polarity_files"]

RT_POLARITY_LABELS = ("negative", "positive")

_ARCHIVE = "rt-polaritydata.tar.gz"
_NAMES = ("rt-polarity.neg", "rt-polarity.pos")
_PUBLISHED = 5331
_PARTS = 10


def rt_polarity_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that are read: the two plain ones where they are there, or the archive."""
    plain = tuple(folder / name for name in _NAMES)
    return plain if all(file.is_file() for file in plain) else (folder / _ARCHIVE,)


def open_rt_polarity(folder: Path, split: str) -> Sentences:
    """Read rt-polarity.

    Parameters
    ----------
    folder : Path
        Holds ``rt-polarity.neg`` and ``rt-polarity.pos``, one sentence a line, or the authors'
        archive of both.
    split : "all", "train" or "test"

    Raises
    ------
    DatasetError
        A file is broken or has no sentences in it.
    """
    entry = entry_of("rt-polarity")
    contents = _read(rt_polarity_files(folder))
    texts: list[str] = []
    targets: list[int] = []
    hashes, notes = [], []
    for target, name in enumerate(_NAMES):
        lines = split_lines(decode_text(contents[name], f"{name} in {folder}"))
        if len(lines) != _PUBLISHED:
            notes.append(f"not the whole set: {len(lines):,} of {_PUBLISHED:,} lines in {name}")
        hashes.append(text_sha256(*lines))
        texts += lines
        targets += [target] * len(lines)
    chosen = [i for i, text in enumerate(texts) if split == "all" or _part(text) == split]
    if not chosen:
        raise DatasetError(f"no sentences in {folder}", hint="delete the files, or copy them again")
    info = DatasetInfo(
        name="rt-polarity",
        split=split,
        labels=RT_POLARITY_LABELS,
        sha256=combined_sha256(hashes),
        attribution=entry.attribution,
        licence=entry.licence,
        note="; ".join(notes),
    )
    return Sentences(info, [texts[i] for i in chosen], np.array(targets, dtype=np.int64)[chosen])


def _part(sentence: str) -> str:
    number = int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:8], "big")
    return "train" if number % _PARTS else "test"


def _read(files: tuple[Path, ...]) -> dict[str, bytes]:
    if len(files) > 1:
        return {file.name: file.read_bytes() for file in files}
    try:
        with tarfile.open(files[0], "r:gz") as tar:
            members = {m.name.rpartition("/")[2]: m for m in tar.getmembers() if m.isfile()}
            missing = [name for name in _NAMES if name not in members]
            if missing:
                raise DatasetError(f"{files[0]} holds no {missing[0]}")
            opened = {name: tar.extractfile(members[name]) for name in _NAMES}
            return {name: file.read() for name, file in opened.items() if file is not None}
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DatasetError(
            f"cannot unpack {files[0]}: {error}", hint="delete it, or copy it again"
        ) from error
