"""The pictures that a Matroska or WebM file lists (RFC 9559): one block each."""

from __future__ import annotations

import time
from io import BytesIO
from typing import BinaryIO

__all__ = ["matroska_pictures"]

_SEGMENT, _TRACKS, _CLUSTER, _CUES = 0x18538067, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
_TRACK, _NUMBER, _TYPE = 0xAE, 0xD7, 0x83
_BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK = 0xA0, 0xA1, 0xA3
_VIDEO = 1
_INVISIBLE, _LACED = 0x08, 0x06
#: A file of many hours on a slow disk is not gone through to its end.
_PATIENCE_S = 3.0


def matroska_pictures(file: BinaryIO, size: int) -> tuple[int | None, bool] | None:
    """Count the blocks of the video track.

    Parameters
    ----------
    file : binary file
        At its start.
    size : int
        Of the file in bytes.

    Returns
    -------
    tuple of (int or None, bool), or None
        How many pictures are listed, and whether the file is cut off among them. A recording that
        was killed states no size: it holds what it holds, and is not cut. None when it took too
        long, or there is more or less than one video track.
    """
    until = time.monotonic() + _PATIENCE_S
    at, end = 0, None
    track: int | None = None
    pictures, over = 0, False
    while at < size:
        if time.monotonic() > until:
            return None
        file.seek(at)
        head = _read_head(file)
        if head is None:
            break
        kind, length, start = head[0], head[1], at + head[2]
        if kind == _SEGMENT:
            end = None if length is None else start + length
        if kind in (_SEGMENT, _CLUSTER, _BLOCK_GROUP):
            at = start
            continue
        if length is None or start + length > size:
            over = over or kind == _CUES
            break
        file.seek(start)
        if kind == _TRACKS:
            track = _video_track(file.read(length))
            if track is None:
                return None
        elif kind in (_BLOCK, _SIMPLE_BLOCK):
            number, flags = _block(file.read(min(length, 11)))
            if flags & _LACED:
                return None
            pictures += number == track and not flags & _INVISIBLE
        # The index follows the last picture.
        over = over or (kind == _CUES and pictures > 0)
        at = start + length
    if track is None:
        return None
    cut = end is not None and at < end and not over
    return (None if cut else pictures), cut


def _read_head(file: BinaryIO) -> tuple[int, int | None, int] | None:
    """Read an element's number, length (None: not stated) and the length of both."""
    head = file.read(12)
    if len(head) < 2 or not head[0] >> 4:
        return None
    first = 9 - head[0].bit_length()
    if len(head) <= first or not head[first]:
        return None
    second = 9 - head[first].bit_length()
    if len(head) < first + second:
        return None
    kind = int.from_bytes(head[:first], "big")
    length = int.from_bytes(head[first : first + second], "big") - (1 << 7 * second)
    unknown = (1 << 7 * second) - 1
    return kind, None if length == unknown else length, first + second


def _video_track(tracks: bytes) -> int | None:
    """Return the number of the one track of pictures."""
    found = []
    for kind, content in _children(tracks):
        if kind == _TRACK:
            facts = {inner: int.from_bytes(value[:8], "big") for inner, value in _children(content)}
            if facts.get(_TYPE) == _VIDEO:
                found.append(facts.get(_NUMBER))
    return found[0] if len(found) == 1 else None


def _children(content: bytes) -> list[tuple[int, bytes]]:
    file, at, found = BytesIO(content), 0, []
    while at < len(content):
        file.seek(at)
        head = _read_head(file)
        if head is None or head[1] is None:
            break
        start = at + head[2]
        found.append((head[0], content[start : start + head[1]]))
        at = start + head[1]
    return found


def _block(head: bytes) -> tuple[int, int]:
    """Return a block's track and flags, which follow two bytes of time."""
    if not head or not head[0]:
        return -1, 0
    count = 9 - head[0].bit_length()
    track = int.from_bytes(head[:count], "big") - (1 << 7 * count)
    return track, head[count + 2] if len(head) > count + 2 else 0
