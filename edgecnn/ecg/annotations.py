"""Annotation files in the MIT format, read and written.

The format (WFDB Applications Guide, "Annotation files": ``annot(5)``): little-endian 16-bit words,
the upper six bits a code, the lower ten the samples since the annotation before. Codes from 59 on
carry no beat but a long interval (SKIP), a number, a subtype, a channel, or a text (AUX).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.errors import MissingFileError, RecordError, UsageError
from edgecnn.files import atomic_path

__all__ = ["Annotations", "read_annotations", "write_annotations"]

#: Code of each symbol (WFDB's ``ecgcodes.h``).
_SYMBOLS = {
    **dict(enumerate("NLRaVFJASEj/Q~", start=1)),
    **{16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=", 24: "p", 25: "B", 26: "^"},
    **{27: "t", 28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]", 34: "e", 35: "n", 36: "@"},
    **{37: "x", 38: "f", 39: "(", 40: ")", 41: "r"},
}
_CODES = {symbol: code for code, symbol in _SYMBOLS.items()}
_NOTE = 22
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_LONGEST_INTERVAL = 1023
_LONGEST_AUX = 255
_RESOLUTION = "## time resolution:"
_DEFINITIONS = "## annotation type definitions"
_END_OF_DEFINITIONS = "## end of definitions"


@dataclass(frozen=True, eq=False)
class Annotations:
    """What an annotator said about a record.

    Attributes
    ----------
    samples : ndarray of int64, shape (annotations,)
    symbols : tuple of str
        ``"N"``, ``"V"``, ``"+"``, ...
    aux : tuple of str
        Texts as stored, trailing NUL included; ``""`` where there is none.
    subtypes, channels, numbers : ndarray of int64, shape (annotations,)
    sampling_rate_hz : float, optional
        If the file states the rate that its samples count at.
    """

    samples: NDArray[np.int64]
    symbols: tuple[str, ...]
    aux: tuple[str, ...]
    subtypes: NDArray[np.int64]
    channels: NDArray[np.int64]
    numbers: NDArray[np.int64]
    sampling_rate_hz: float | None = None

    def __len__(self) -> int:
        """Return the number of annotations."""
        return len(self.symbols)


def annotation_path(record: Path, annotator: str) -> Path:
    """Return ``record.annotator``; a record's name may have dots of its own."""
    return record.with_name(f"{record.name}.{annotator}")


def read_annotations(record: str | os.PathLike[str], annotator: str) -> Annotations:
    """Read an annotation file.

    Parameters
    ----------
    record : path
        Path of the record without a suffix: ``mitdb/100``.
    annotator : str
        Suffix of the annotation file: ``atr``.

    Raises
    ------
    MissingFileError
        The record has no such annotation file.
    RecordError
        The file is cut short or in another format.
    """
    record = Path(record)
    path = annotation_path(record, annotator)
    if not path.is_file():
        raise MissingFileError(
            f"no annotation file {path}", hint="name another annotator, or let beats be detected"
        )
    content = path.read_bytes()
    words = np.frombuffer(content, dtype="<u2", count=len(content) // 2)
    return _without_notes(_decode(words, path), path)


def _decode(words: NDArray[np.uint16], path: Path) -> Annotations:
    codes, intervals = (words >> 10).astype(np.int64), (words & 0x3FF).astype(np.int64)
    cut_short = RecordError(
        f"{path} ends in the middle of an annotation", hint="copy the file again"
    )
    # Only after SKIP and AUX come words that are no codes: hop from one of these to the next.
    is_code = np.ones(len(words), dtype=bool)
    texts: dict[int, str] = {}
    elapsed = intervals.copy()
    after = 0
    for at in np.flatnonzero((codes == _SKIP) | (codes == _AUX) | (words == 0)).tolist():
        if at < after:
            continue
        if words[at] == 0:
            is_code[at:] = False
            break
        length = int(words[at] & 0xFF)
        after = at + (3 if codes[at] == _SKIP else 1 + (length + 1) // 2)
        if after > len(words):
            raise cut_short
        is_code[at + 1 : after] = False
        if codes[at] == _SKIP:
            # Two words, the upper one first: a PDP-11's long.
            long = int(words[at + 1]) << 16 | int(words[at + 2])
            elapsed[at] = long - (1 << 32) if long >= 1 << 31 else long
        else:
            texts[at] = words[at + 1 : after].tobytes()[:length].decode("latin-1")
    else:
        raise cut_short

    # Code 0 is "not a QRS": a word that only lets time pass.
    is_beat = is_code & (codes > 0) & (codes < _SKIP)
    passes_time = is_code & (codes <= _SKIP)
    beats = np.flatnonzero(is_beat)
    elapsed[~passes_time] = 0
    samples = np.cumsum(elapsed)[beats]
    owner = np.cumsum(is_beat) - 1
    aux = [""] * len(beats)
    for at, text in texts.items():
        if owner[at] >= 0:
            aux[owner[at]] = text

    def extra(code: int, *, lasting: bool, signed: bool) -> NDArray[np.int64]:
        values = np.zeros(len(beats), dtype=np.int64)
        places = np.flatnonzero(is_code & (codes == code))
        places = places[owner[places] >= 0]
        given = (words[places] & 0xFF).astype(np.int64)
        if signed:
            given = (given ^ 0x80) - 0x80
        values[owner[places]] = given
        if lasting and len(places):
            last = np.zeros(len(beats), dtype=np.int64)
            last[owner[places]] = owner[places]
            values = values[np.maximum.accumulate(last)]
        return values

    unknown = sorted(set(codes[beats].tolist()) - set(_SYMBOLS) - set(range(42, 50)))
    if unknown:
        raise RecordError(
            f"{path} has annotation code {unknown[0]}, which WFDB does not know",
            hint="is it an annotation file in the MIT format?",
        )
    return Annotations(
        samples=samples,
        symbols=tuple(_SYMBOLS.get(code, f"[{code}]") for code in codes[beats].tolist()),
        aux=tuple(aux),
        subtypes=extra(_SUB, lasting=False, signed=True),
        channels=extra(_CHN, lasting=True, signed=False),
        numbers=extra(_NUM, lasting=True, signed=True),
    )


def _without_notes(raw: Annotations, path: Path) -> Annotations:
    """Take out the notes at the start that speak about the file itself."""
    rate: float | None = None
    defined: dict[str, str] = {}
    defining = False
    keep = np.ones(len(raw), dtype=bool)
    for index in range(len(raw)):
        text = raw.aux[index].rstrip("\0").strip()
        if raw.samples[index] != 0 or raw.symbols[index] != '"':
            break
        if text.startswith(_RESOLUTION):
            try:
                rate = float(text.removeprefix(_RESOLUTION))
            except ValueError:
                raise RecordError(
                    f"{path}: {text!r} is no time resolution", hint="mend the annotation file"
                ) from None
        elif text.startswith(_DEFINITIONS):
            defining = True
        elif text.startswith(_END_OF_DEFINITIONS):
            defining = False
        elif defining:
            parts = text.split(maxsplit=2)
            if len(parts) >= 2:
                defined[f"[{parts[0]}]"] = parts[1]
        else:
            continue
        keep[index] = False
    kept = np.flatnonzero(keep)
    return Annotations(
        samples=raw.samples[kept],
        symbols=tuple(defined.get(raw.symbols[i], raw.symbols[i]) for i in kept),
        aux=tuple(raw.aux[i] for i in kept),
        subtypes=raw.subtypes[kept],
        channels=raw.channels[kept],
        numbers=raw.numbers[kept],
        sampling_rate_hz=rate,
    )


def write_annotations(
    path: str | os.PathLike[str],
    samples: NDArray[np.integer],
    symbols: Sequence[str],
    *,
    aux: Sequence[str] | None = None,
    subtypes: Sequence[int] | NDArray[np.integer] | None = None,
    channels: Sequence[int] | NDArray[np.integer] | None = None,
    numbers: Sequence[int] | NDArray[np.integer] | None = None,
    sampling_rate_hz: float | None = None,
    is_durable: bool = True,
) -> None:
    """Write an annotation file, whole or not at all.

    Parameters
    ----------
    path : path
        With the annotator as its suffix: ``100.edge``.
    samples : ndarray of int, shape (annotations,)
        Not falling.
    symbols : sequence of str
    aux : sequence of str, optional
        Texts of at most 255 Latin-1 characters, ``""`` for none.
    subtypes, channels, numbers : sequence of int, optional
    sampling_rate_hz : float, optional
        Rate that the samples count at, stored as a note where a reader looks for it.
    is_durable : bool
        Wait until the disk has it.

    Raises
    ------
    UsageError
        A symbol that WFDB does not know, samples that fall or are negative, or a text too long.
    """
    path = Path(path)
    at = np.asarray(samples, dtype=np.int64)
    if len(symbols) != len(at) or (at.size and at[0] < 0) or np.any(np.diff(at) < 0):
        raise UsageError("annotations need one symbol each and samples that do not fall")
    unknown = sorted(set(symbols) - set(_CODES))
    if unknown:
        raise UsageError(f"WFDB has no annotation code for {unknown[0]!r}")

    zeros = np.zeros(len(at), dtype=np.int64)
    subtype, channel, number = (
        zeros if given is None else np.asarray(given, dtype=np.int64)
        for given in (subtypes, channels, numbers)
    )
    out = bytearray()
    if sampling_rate_hz is not None:
        out += _word(_NOTE, 0) + _text(f"{_RESOLUTION} {sampling_rate_hz:g}")
    if aux is None and not (subtype.any() or channel.any() or number.any()):
        out += _encode_plain(at, symbols)
    else:
        texts = aux if aux is not None else [""] * len(at)
        before, last_channel, last_number = 0, 0, 0
        for sample, symbol, text, sub, chn, num in zip(
            at.tolist(), symbols, texts, subtype, channel, number, strict=True
        ):
            interval = sample - before
            if interval > _LONGEST_INTERVAL:
                out += _word(_SKIP, 0) + _long(interval)
                interval = 0
            out += _word(_CODES[symbol], interval)
            if sub:
                out += _word(_SUB, int(sub) & 0xFF)
            if chn != last_channel:
                out += _word(_CHN, int(chn) & 0xFF)
            if num != last_number:
                out += _word(_NUM, int(num) & 0xFF)
            if text:
                out += _text(text)
            before, last_channel, last_number = sample, chn, num
    with atomic_path(path, is_durable=is_durable) as temporary:
        temporary.write_bytes(bytes(out + _word(0, 0)))


def _encode_plain(samples: NDArray[np.int64], symbols: Sequence[str]) -> bytes:
    """Encode annotations without extra fields, all at once."""
    interval = np.diff(samples, prepend=0)
    skips = interval > _LONGEST_INTERVAL
    codes = np.array([_CODES[symbol] for symbol in symbols], dtype=np.int64)
    words = np.zeros((len(samples), 4), dtype="<u2")
    words[:, 0] = _SKIP << 10
    words[:, 1] = interval >> 16
    words[:, 2] = interval & 0xFFFF
    words[:, 3] = codes << 10 | np.where(skips, 0, interval)
    used = np.ones_like(words, dtype=bool)
    used[:, :3] = skips[:, None]
    packed: bytes = words[used].tobytes()
    return packed


def _word(code: int, value: int) -> bytes:
    return (code << 10 | value).to_bytes(2, "little")


def _long(value: int) -> bytes:
    return (value >> 16).to_bytes(2, "little") + (value & 0xFFFF).to_bytes(2, "little")


def _text(text: str) -> bytes:
    try:
        content = text.encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(f"annotation text {text!r} is not Latin-1") from None
    if len(content) > _LONGEST_AUX:
        raise UsageError(f"annotation text of {len(content)} characters: at most {_LONGEST_AUX}")
    return _word(_AUX, len(content)) + content + b"\0" * (len(content) % 2)
