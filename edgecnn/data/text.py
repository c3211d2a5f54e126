"""Text: labelled sentences, and running text for networks that write."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import combined_sha256
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import DataError, DatasetError
from edgecnn.metadata import CharacterInput, InputSpec, TextInput, reads
from edgecnn.preprocessing.tensors import Tensors
from edgecnn.preprocessing.text import character_numbers, initial_state, sentence_tensor

__all__ = [
    "RunningText",
    "Sentences",
    "decode_text",
    "open_sentence_folder",
    "open_text_file",
    "split_lines",
    "text_sha256",
]

#: Characters of one example of a running text, where examples are asked for.
_WINDOW = 128


class Sentences:
    """A dataset of sentences, one label each.

    Parameters
    ----------
    info : DatasetInfo
    texts : sequence of str
    targets : ndarray of int64, shape (N,)
    """

    groups: NDArray[np.str_] | None = None

    def __init__(
        self, info: DatasetInfo, texts: Sequence[str], targets: NDArray[np.int64] | None
    ) -> None:
        self.info = info
        self.texts = tuple(texts)
        self.targets = targets

    def __len__(self) -> int:
        return len(self.texts)

    def inputs(self, spec: InputSpec, indices: NDArray[np.integer] | None = None) -> Tensors:
        """Turn sentences into word numbers; see :meth:`edgecnn.data.dataset.Dataset.inputs`."""
        if not isinstance(spec, TextInput):
            raise DataError(
                f"{self.info.name}:{self.info.split} holds sentences; "
                f"the model reads {reads(spec)}",
                hint="`edgecnn datasets` lists the others",
            )
        chosen = np.arange(len(self)) if indices is None else indices
        return {spec.name: sentence_tensor([self.texts[int(i)] for i in chosen], spec)}


class RunningText:
    """One text, for networks that read and write characters.

    Its examples are consecutive windows of 128 characters, without labels: enough to calibrate on
    and to compare files by. How well a network predicts it is measured over the whole ``text``.

    Parameters
    ----------
    info : DatasetInfo
    text : str
    """

    groups: NDArray[np.str_] | None = None
    targets: NDArray[np.int64] | None = None

    def __init__(self, info: DatasetInfo, text: str) -> None:
        self.info = info
        self.text = text

    def __len__(self) -> int:
        return len(self.text) // _WINDOW

    def inputs(self, spec: InputSpec, indices: NDArray[np.integer] | None = None) -> Tensors:
        """Turn windows into character numbers, with states of zeros."""
        characters = self.require_spec(spec)
        chosen = np.arange(len(self)) if indices is None else indices
        rows = np.empty((len(chosen), _WINDOW), dtype=np.int64)
        for row, index in zip(rows, chosen, strict=True):
            window = self.text[int(index) * _WINDOW : (int(index) + 1) * _WINDOW]
            numbers = character_numbers(window, characters)
            if len(numbers) != _WINDOW:
                raise DataError(
                    f"{self.info.name}:{self.info.split} holds characters that the model does not "
                    "know, and nothing replaces them"
                )
            row[:] = numbers
        return {characters.name: rows, **initial_state(characters, len(chosen))}

    def stretch(self, indices: NDArray[np.integer]) -> str:
        """Return the text from the first of these windows to the last.

        The last window of all is followed by what is left over.
        """
        if not len(indices):
            return ""
        end = int(indices.max()) + 1
        stop = None if end == len(self) else end * _WINDOW
        return self.text[int(indices.min()) * _WINDOW : stop]

    def require_spec(self, spec: InputSpec) -> CharacterInput:
        """Return the spec if it is one of characters.

        Raises
        ------
        DataError
            The model reads something else.
        """
        if not isinstance(spec, CharacterInput):
            raise DataError(
                f"{self.info.name}:{self.info.split} is running text; "
                f"the model reads {reads(spec)}",
                hint="`edgecnn datasets` lists the others",
            )
        return spec


def open_sentence_folder(folder: Path, *, labels: tuple[str, ...] | None = None) -> Sentences:
    """Open sentences of one's own: a file ``LABEL.txt`` per class, one sentence a line.

    Parameters
    ----------
    folder : Path
    labels : tuple of str, optional
        A model's labels. Then the files' names must be among them, and targets index them.

    Raises
    ------
    DatasetError
        A file that is named after none of the labels, or that is no text.
    """
    files = sorted(folder.glob("*.txt"))
    names = labels or tuple(file.stem for file in files)
    texts: list[str] = []
    targets: list[int] = []
    hashes = []
    for file in files:
        if file.stem not in names:
            raise DatasetError(
                f"{folder}: {file.name} is named after no class of this model",
                hint=f"its classes are: {', '.join(names)}",
            )
        lines = split_lines(decode_text(file.read_bytes(), str(file)))
        texts += lines
        targets += [names.index(file.stem)] * len(lines)
        hashes.append(text_sha256(file.stem, *lines))
    info = DatasetInfo(
        name=folder.name,
        split="all",
        labels=names,
        sha256=combined_sha256(hashes),
        attribution="",
        licence="",
    )
    return Sentences(info, texts, np.array(targets, dtype=np.int64))


def open_text_file(path: Path) -> RunningText:
    """Open a text of one's own.

    Raises
    ------
    DatasetError
        No text, or too short for one example.
    """
    content = path.read_bytes()
    text = decode_text(content, str(path))
    if len(text) < _WINDOW:
        raise DatasetError(f"{path} is too short: {len(text)} characters, {_WINDOW} at least")
    info = DatasetInfo(
        name=path.stem,
        split="all",
        labels=(),
        sha256=hashlib.sha256(content).hexdigest(),
        attribution="",
        licence="",
    )
    return RunningText(info, text)


def split_lines(text: str) -> list[str]:
    r"""Return a text's lines without the empty ones; only ``\n`` ends a line."""
    return [line.strip() for line in text.split("\n") if line.strip()]


def decode_text(content: bytes, source: str) -> str:
    """Decode UTF-8, or the Windows-1252 that older English text is in.

    Raises
    ------
    DatasetError
        It is neither.
    """
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise DatasetError(f"{source} is no text", hint="convert it to UTF-8")


def text_sha256(*texts: str) -> str:
    r"""Hash texts joined by ``\n``, so that the same text in another encoding has the same hash."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
