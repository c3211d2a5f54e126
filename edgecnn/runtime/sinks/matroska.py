"""Motion JPEG in a Matroska file that can be played however its writing ended.

``cv2.VideoWriter`` keeps back up to 256 KB, ignores when frames were taken, and leaves an empty
file when a short recording is killed. Here every frame reaches the file with its own time stamp as
soon as it is written; a clean close adds the length and an index for seeking.

Element numbers are those of RFC 9559 (Matroska) and RFC 8794 (EBML).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["MatroskaWriter", "read_frames"]

_EBML, _SEGMENT, _VOID = 0x1A45DFA3, 0x18538067, 0xEC
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_INFO, _TIMESTAMP_SCALE, _DURATION, _MUXING_APP, _WRITING_APP = (
    0x1549A966,
    0x2AD7B1,
    0x4489,
    0x4D80,
    0x5741,
)
_TRACKS, _TRACK, _NUMBER, _UID, _TYPE, _LACING, _CODEC = (
    0x1654AE6B,
    0xAE,
    0xD7,
    0x73C5,
    0x83,
    0x9C,
    0x86,
)
_DEFAULT_DURATION = 0x23E383
_VIDEO, _WIDTH, _HEIGHT = 0xE0, 0xB0, 0xBA
_CLUSTER, _TIMESTAMP, _SIMPLE_BLOCK = 0x1F43B675, 0xE7, 0xA3
_CUES, _CUE_POINT, _CUE_TIME, _CUE_POSITIONS, _CUE_TRACK, _CUE_CLUSTER = (
    0x1C53BB6B,
    0xBB,
    0xB3,
    0xB7,
    0xF7,
    0xF1,
)

#: A length that is not known yet, eight bytes long.
_UNKNOWN = b"\x01" + b"\xff" * 7
_SEEK_ROOM = 64
_CLUSTER_MS = 2000


class MatroskaWriter:
    """Writes JPEG pictures with their times.

    Parameters
    ----------
    path : Path
        Overwritten.
    width, height : int
        Size of every picture.
    interval_ms : float, optional
        From one picture to the next, where it is always the same.

    Raises
    ------
    OSError
        The file cannot be written.
    """

    def __init__(
        self, path: Path, width: int, height: int, *, interval_ms: float | None = None
    ) -> None:
        # Unbuffered: what is written is the operating system's, and outlives this process.
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._cues: list[tuple[int, int]] = []
        self._cluster_ms = 0
        self._cluster_at = 0
        self._last_ms = -1
        header = _element(
            _EBML,
            _number(0x4286, 1)
            + _number(0x42F7, 1)
            + _number(0x42F2, 4)
            + _number(0x42F3, 8)
            + _element(0x4282, b"matroska")
            + _number(0x4287, 4)
            + _number(0x4285, 2),
        )
        name = _element(_MUXING_APP, b"edgecnn") + _element(_WRITING_APP, b"edgecnn")
        scale = _number(_TIMESTAMP_SCALE, 1_000_000)
        # Holds the place of the duration, which is 11 bytes long too.
        info = _element(_INFO, scale + name + _void(11))
        picture = _element(_VIDEO, _number(_WIDTH, width) + _number(_HEIGHT, height))
        track = (
            _number(_NUMBER, 1)
            + _number(_UID, 1)
            + _number(_TYPE, 1)
            + _number(_LACING, 0)
            + _element(_CODEC, b"V_MJPEG")
            + picture
        )
        if interval_ms is not None:
            track += _number(_DEFAULT_DURATION, round(interval_ms * 1e6))
        tracks = _element(_TRACKS, _element(_TRACK, track))
        start = header + _identifier(_SEGMENT) + _UNKNOWN
        self._segment_at = len(start)
        self._duration_at = self._segment_at + _SEEK_ROOM + len(info) - 11
        self._file.write(start + _void(_SEEK_ROOM) + info + tracks)

    def write(self, jpeg: bytes, time_ms: int) -> None:
        """Write one picture.

        Parameters
        ----------
        jpeg : bytes
        time_ms : int
            Since the start of the recording; moved behind the picture before if it is not later.
        """
        time_ms = max(time_ms, self._last_ms + 1)
        self._last_ms = time_ms
        start = b""
        if not self._cues or time_ms - self._cluster_ms >= _CLUSTER_MS:
            self._end_cluster()
            self._cluster_ms, self._cluster_at = time_ms, self._file.tell()
            self._cues.append((time_ms, self._cluster_at - self._segment_at))
            start = _identifier(_CLUSTER) + _UNKNOWN + _number(_TIMESTAMP, time_ms)
        # Track 1, time relative to the cluster, a key frame as every JPEG is.
        block = b"\x81" + struct.pack(">hB", time_ms - self._cluster_ms, 0x80) + jpeg
        self._file.write(start + _element(_SIMPLE_BLOCK, block))

    def close(self) -> None:
        """Add length and index."""
        if self._file.closed:
            return
        with self._file:
            self._end_cluster()
            cues_at = self._file.tell()
            points = b"".join(
                _element(
                    _CUE_POINT,
                    _number(_CUE_TIME, time_ms)
                    + _element(_CUE_POSITIONS, _number(_CUE_TRACK, 1) + _number(_CUE_CLUSTER, at)),
                )
                for time_ms, at in self._cues
            )
            if points:
                self._file.write(_element(_CUES, points))
                seek = _element(_SEEK_ID, _identifier(_CUES)) + _element(
                    _SEEK_POSITION, struct.pack(">Q", cues_at - self._segment_at)
                )
                head = _element(_SEEK_HEAD, _element(_SEEK, seek))
                self._patch(self._segment_at, head + _void(_SEEK_ROOM - len(head)))
                duration = _element(_DURATION, struct.pack(">d", self._last_ms + 1))
                self._patch(self._duration_at, duration)
            size = self._file.seek(0, 2) - self._segment_at
            self._patch(self._segment_at - 8, _long_size(size))

    def _end_cluster(self) -> None:
        """State the length of the cluster that was open."""
        if self._cues:
            content = self._cluster_at + 12
            self._patch(self._cluster_at + 4, _long_size(self._file.tell() - content))

    def _patch(self, at: int, content: bytes) -> None:
        end = self._file.tell()
        self._file.seek(at)
        self._file.write(content)
        self._file.seek(end)


def read_frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read back what :class:`MatroskaWriter` wrote: ``(time_ms, jpeg)`` one after the other.

    A file whose writing was cut off gives the frames that are whole.
    """
    with path.open("rb") as file:
        cluster_ms = 0
        while True:
            element = _read_header(file)
            if element is None:
                return
            identifier, size = element
            if identifier in (_SEGMENT, _CLUSTER):
                continue  # their children follow
            content = file.read(size)
            if len(content) < size:
                return
            if identifier == _TIMESTAMP:
                cluster_ms = int.from_bytes(content, "big")
            elif identifier == _SIMPLE_BLOCK:
                (relative,) = struct.unpack_from(">h", content, 1)
                yield cluster_ms + relative, content[4:]


def _read_header(file: BinaryIO) -> tuple[int, int] | None:
    first = file.read(1)
    if not first or not first[0]:
        return None
    identifier = first + file.read(8 - first[0].bit_length())
    lead = file.read(1)
    if not lead or not lead[0]:
        return None
    extra = 8 - lead[0].bit_length()
    size = int.from_bytes(bytes([lead[0] & (0x7F >> extra)]) + file.read(extra), "big")
    return int.from_bytes(identifier, "big"), size


def _identifier(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _size(length: int) -> bytes:
    """Return an EBML length in the fewest bytes; all ones is reserved for "unknown"."""
    count = 1
    while length >= (1 << (7 * count)) - 1:
        count += 1
    return ((1 << (7 * count)) | length).to_bytes(count, "big")


def _long_size(length: int) -> bytes:
    return ((1 << 56) | length).to_bytes(8, "big")


def _element(number: int, content: bytes) -> bytes:
    return _identifier(number) + _size(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _void(length: int) -> bytes:
    """Return an element of ``length`` bytes (up to 128) that holds nothing."""
    return _element(_VOID, b"\0" * (length - 2))
