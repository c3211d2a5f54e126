"""Tiny Shakespeare: 1,115,394 characters of the plays, one file (Karpathy's char-rnn).

The usual split: ``train`` is the first 90 % of the characters, ``validation`` the rest.
"""

from __future__ import annotations

from pathlib import Path

from edgecnn.data.catalogue import entry_of
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.text import RunningText, decode_text
from edgecnn.errors import DatasetError
from edgecnn.files import sha256_of

__all__ = ["TINYSHAKESPEARE_FILE", "open_tinyshakespeare"]

TINYSHAKESPEARE_FILE = "input.txt"

_TRAIN_PERCENT = 90


def open_tinyshakespeare(folder: Path, split: str) -> RunningText:
    """Read Tiny Shakespeare.

    Parameters
    ----------
    folder : Path
        Holds ``input.txt``.
    split : "all", "train" or "validation"

    Raises
    ------
    DatasetError
        The file is empty or no text.
    """
    entry = entry_of("tinyshakespeare")
    path = folder / TINYSHAKESPEARE_FILE
    text = decode_text(path.read_bytes(), str(path))
    if not text:
        raise DatasetError(f"{path} is empty", hint="delete it, or copy it again")
    sha256 = sha256_of(path)
    genuine = sha256 == entry.file(TINYSHAKESPEARE_FILE).sha256
    border = len(text) * _TRAIN_PERCENT // 100
    part = {"all": text, "train": text[:border], "validation": text[border:]}[split]
    info = DatasetInfo(
        name="tinyshakespeare",
        split=split,
        labels=(),
        sha256=sha256,
        attribution=entry.attribution,
        licence=entry.licence,
        note="" if genuine else "not the published file: it has another hash",
    )
    return RunningText(info, part)
