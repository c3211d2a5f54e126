"""The pictures that an MP4 or MOV file lists (ISO/IEC 14496-12): one entry of its index each."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["mp4_pictures"]

#: An index of many hours has some megabytes.
_MOST_INDEX = 256 << 20


def mp4_pictures(file: BinaryIO, size: int) -> tuple[int | None, bool] | None:
    """Read how many pictures the index lists.

    Parameters
    ----------
    file : binary file
        At its start.
    size : int
        Of the file in bytes.

    Returns
    -------
    tuple of (int or None, bool), or None
        How many pictures are to be shown, and whether the file is cut off. The number is None when
        an edit list leaves pictures out, as that of a trimmed video does, and when the index is
        spread over the file. None when it makes no sense.
    """
    at, cut, index = 0, False, b""
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        start = at + 8
        if length == 1:
            length, start = int.from_bytes(head[8:], "big"), at + 16
        elif length == 0:  # to the end of the file
            length = size - at
        if length < start - at:
            break
        if kind == b"moov" and length <= _MOST_INDEX:
            file.seek(start)
            index = file.read(at + length - start)
        # What follows the pictures (notes, room that is left free) may be lost.
        cut = cut or (kind in (b"mdat", b"moof") and at + length > size)
        at += length
    parts = dict(_boxes(index))
    tracks = [dict(_boxes(content)) for kind, content in _boxes(index) if kind == b"trak"]
    videos = [track for track in tracks if _handler(track) == b"vide"]
    if len(videos) != 1 or b"mvhd" not in parts:
        return None, cut
    try:
        shown = None if b"mvex" in parts else _shown(videos[0], _timescale(parts[b"mvhd"])[0])
    except (struct.error, KeyError):
        return None
    return shown, cut


def _shown(track: dict[bytes, bytes], movie_scale: int) -> int | None:
    """Return the number of pictures; None when the edit list shows a part of them."""
    media = dict(_boxes(track[b"mdia"]))
    table = dict(_boxes(dict(_boxes(media[b"minf"]))[b"stbl"]))
    (count,) = struct.unpack_from(">I", table[b"stsz"], 8)
    scale, duration = _timescale(media[b"mdhd"])
    # Where pictures are stored in another order than shown, the first one is shown late.
    delay = (
        struct.unpack_from(">i", table[b"ctts"], 12)[0] if len(table.get(b"ctts", b"")) > 15 else 0
    )
    edits = _edits(dict(_boxes(track.get(b"edts", b""))).get(b"elst", b""))
    shown = [edit for edit in edits if edit[1] >= 0]  # others are a pause before the first picture
    if not shown:
        return int(count)
    length, first = shown[0]
    picture = duration / max(1, count)
    whole = len(shown) == 1 and first <= max(0, delay)
    if length and movie_scale:
        whole = whole and length / movie_scale * scale >= duration - first - picture
    return int(count) if whole else None


def _edits(content: bytes) -> list[tuple[int, int]]:
    """Return the edits: length in the movie's time, start in the track's."""
    if len(content) < 8:
        return []
    form = ">qqI" if content[0] else ">iiI"
    (count,) = struct.unpack_from(">I", content, 4)
    room = (len(content) - 8) // struct.calcsize(form)
    return [
        struct.unpack_from(form, content, 8 + number * struct.calcsize(form))[:2]
        for number in range(min(count, room))
    ]


def _timescale(content: bytes) -> tuple[int, int]:
    """Return units a second, and the duration in them, of a movie or track."""
    return (
        struct.unpack_from(">IQ", content, 20)
        if content[0]
        else struct.unpack_from(">II", content, 12)
    )


def _handler(track: dict[bytes, bytes]) -> bytes:
    return dict(_boxes(track.get(b"mdia", b""))).get(b"hdlr", b"")[8:12]


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Go through the boxes that lie side by side."""
    at = 0
    while at + 8 <= len(content):
        length, start = int.from_bytes(content[at : at + 4], "big"), at + 8
        if length == 1:
            length, start = int.from_bytes(content[start : start + 8], "big"), at + 16
        if length < start - at:
            return
        yield content[at + 4 : at + 8], content[start : at + length]
        at += length
