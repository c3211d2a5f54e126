"""Annotations in an EDF+ or BDF+ file: time-stamped lists of texts ("TAL").

Kemp and Olivan (2003): ``+onset[<21>duration]<20>text<20>...text<20><0>``, the onset in seconds
from the file's start. The first list of each data record has an empty text and says when the data
record begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.ecg.annotations import Annotations
from edgecnn.ecg.readers.edf_header import EdfHeader, parse_header
from edgecnn.errors import RecordError

__all__ = ["EdfAnnotation", "read_edf_annotations", "read_edf_beats", "record_onsets_s"]

_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14([^\0]*)\x14\0")
_SYMBOLS = frozenset('NLRaVFJASEj/Q~|sT*D"=pB^t+u?![]en@xf()r')
_COMMENT = '"'


@dataclass(frozen=True)
class EdfAnnotation:
    """A text at a time; ``onset_s`` counts from the file's start, ``duration_s`` may be unknown."""

    onset_s: float
    duration_s: float | None
    text: str


def read_edf_annotations(path: Path) -> tuple[EdfAnnotation, ...]:
    """Read all texts of an EDF+ or BDF+ file, in the order of time.

    Raises
    ------
    RecordError
        The file is broken.
    """
    found = [
        EdfAnnotation(onset, duration, text)
        for block in _blocks(path, parse_header(path))
        for onset, duration, texts in _lists(block)
        for text in texts
        if text
    ]
    return tuple(sorted(found, key=lambda annotation: annotation.onset_s))


def read_edf_beats(path: Path, rate_hz: float) -> Annotations:
    """Read the texts of an EDF+ file as WFDB annotations.

    A text that begins with an annotation symbol, alone or before a space (``N``, ``+ (AFIB``), is
    that; any other one is a comment (``"``) with the text as its aux.

    Parameters
    ----------
    path : Path
    rate_hz : float
        Rate that the samples shall count at, from the first sample of the file.

    Raises
    ------
    RecordError
        The file is broken.
    """
    header = parse_header(path)
    onsets = record_onsets_s(path, header)
    began = float(onsets[0]) if len(onsets) else 0.0
    samples, symbols, aux = [], [], []
    for annotation in read_edf_annotations(path):
        symbol, _, rest = annotation.text.partition(" ")
        if symbol not in _SYMBOLS:
            symbol, rest = _COMMENT, annotation.text
        samples.append(round((annotation.onset_s - began) * rate_hz))
        symbols.append(symbol)
        aux.append(rest)
    zeros = np.zeros(len(samples), dtype=np.int64)
    return Annotations(
        samples=np.array(samples, dtype=np.int64),
        symbols=tuple(symbols),
        aux=tuple(aux),
        subtypes=zeros,
        channels=zeros,
        numbers=zeros,
        sampling_rate_hz=rate_hz,
    )


def record_onsets_s(path: Path, header: EdfHeader) -> NDArray[np.float64]:
    """Return when each data record begins, shape ``(records,)``; nothing if the file does not say.

    Raises
    ------
    RecordError
        A data record without its time.
    """
    if not any(signal.holds_annotations for signal in header.signals):
        return np.empty(0)
    onsets = np.empty(header.records)
    for record, block in enumerate(_blocks(path, header, only_first=True)):
        match = _TAL.match(block)
        if match is None:
            raise RecordError(
                f"{path}: data record {record + 1} does not say when it begins",
                hint="is the file complete?",
            )
        onsets[record] = float(match[1])
    return onsets


def _blocks(path: Path, header: EdfHeader, *, only_first: bool = False) -> Iterator[bytes]:
    """Yield the bytes of each data record's annotation signals."""
    kept = [signal for signal in header.signals if signal.holds_annotations]
    if only_first:
        kept = kept[:1]
    if not kept:
        return
    with path.open("rb") as file:
        for record in range(header.records):
            for signal in kept:
                file.seek(header.size + record * header.record_bytes + signal.first_byte)
                yield file.read(signal.samples * header.sample_bytes)


def _lists(block: bytes) -> Iterator[tuple[float, float | None, list[str]]]:
    for match in _TAL.finditer(block):
        texts = match[3].decode("utf-8", errors="replace").split("\x14")
        duration = float(match[2]) if match[2] else None
        yield float(match[1]), duration, [" ".join(text.split()) for text in texts]
