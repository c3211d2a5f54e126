"""Where one JPEG ends and the next begins, in a stream of them."""

from __future__ import annotations

__all__ = ["JpegSplitter"]

_START, _SCAN = b"\xff\xd8", 0xDA
#: Markers without a length: fill byte, TEM, restarts, start and end of an image.
_ALONE = frozenset((0xFF, 0x01, *range(0xD0, 0xDA)))
#: More than this without an end is no picture.
_LARGEST = 64 * 2**20


class JpegSplitter:
    """Cuts a stream into JPEGs; what lies between them (boundaries, headers) is passed over.

    A JPEG that breaks off before the next begins is handed out as it is, to be told as broken.

    Examples
    --------
    >>> splitter = JpegSplitter()
    >>> picture = bytes.fromhex("ffd8 ffe0 0004 d9d9 ffda 0002 1234 ff00 ffd9")
    >>> splitter.feed(b"--b" + picture + picture[:4]) == [picture]
    True
    >>> splitter.feed(picture[4:]) == [picture]
    True
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        # How far the picture at the buffer's start was read, and whether in its compressed data.
        self._at, self._in_scan = 0, False

    def feed(self, data: bytes) -> list[bytes]:
        """Take more of the stream, and return the pictures that are now whole or over."""
        self._buffer += data
        pictures = []
        while (length := self._next()) is not None:
            pictures.append(bytes(self._buffer[:length]))
            del self._buffer[:length]
            self._at, self._in_scan = 0, False
        return pictures

    def rest(self) -> bytes:
        """Return the picture that the stream broke off in, empty if in none."""
        return bytes(self._buffer) if self._buffer.startswith(_START) else b""

    def _next(self) -> int | None:
        """Return the length of the picture at the buffer's start, None while it goes on."""
        buffer = self._buffer
        if self._at == 0:
            start = buffer.find(_START)
            if start < 0:
                # The last byte may be half of a start.
                del buffer[: max(0, len(buffer) - 1)]
                return None
            del buffer[:start]
            self._at = 2
        if len(buffer) > _LARGEST:
            return len(buffer)
        while self._at + 4 <= len(buffer):
            if self._in_scan:
                mark = buffer.find(b"\xff", self._at)
                if mark < 0 or mark + 1 >= len(buffer):
                    self._at = len(buffer) if mark < 0 else mark
                    break
                kind = buffer[mark + 1]
                if kind == 0 or kind in range(0xD0, 0xD8):
                    self._at = mark + 2
                    continue
                self._at, self._in_scan = mark, False
                if self._at + 2 <= len(buffer) and kind == 0xD9:
                    return mark + 2
                continue
            if buffer[self._at] != 0xFF:
                # No marker where one must be: broken; the next picture is looked for.
                follows = buffer.find(_START, self._at)
                return follows if follows > 0 else len(buffer)
            kind = buffer[self._at + 1]
            if kind == 0xD9:
                return self._at + 2
            if kind == 0xD8:
                return self._at  # the next begins without this one having ended
            if kind in _ALONE:
                self._at += 1 if kind == 0xFF else 2
                continue
            length = int.from_bytes(buffer[self._at + 2 : self._at + 4])
            if self._at + 2 + length > len(buffer):
                break
            self._at += 2 + length
            self._in_scan = kind == _SCAN
        # The end has two bytes, and nothing may follow it.
        if self._in_scan and buffer.endswith(b"\xff\xd9") and len(buffer) - 2 >= self._at:
            return len(buffer)
        if not self._in_scan and self._at + 2 == len(buffer) and buffer[self._at :] == b"\xff\xd9":
            return len(buffer)
        return None
