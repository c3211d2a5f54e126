"""The size of a JPEG, before anything is decoded."""

from __future__ import annotations

import struct

__all__ = ["jpeg_size"]

#: Start of frame, of all kinds; between them lie three markers that are something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG; None of what is none (ITU-T T.81, annex B).

    Examples
    --------
    >>> jpeg_size(bytes.fromhex("ffd8 ffc0 000b 08 0010 0020 01 01 1100"))
    (32, 16)
    >>> jpeg_size(b"GIF89a") is None
    True
    """
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker in _FRAMES:
            if at + 9 > len(data):
                return None
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker == _SCAN:
            return None
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None
