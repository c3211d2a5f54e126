"""JPEG pictures into an MP4 file, without encoding them again (ISO/IEC 14496-12 and -14).

An MP4 has its index at the end and cannot be opened without it, so it is made from a finished
recording and never written live. Video players play Motion JPEG in MP4; web browsers do not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

__all__ = ["write_mp4"]

_TIMESCALE = 1000
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
#: Object type of JPEG in an MPEG-4 elementary stream descriptor.
_JPEG = 0x6C


def write_mp4(path: Path, frames: Iterable[tuple[int, bytes]], *, width: int, height: int) -> int:
    """Write pictures with their times, and return how many there were.

    Parameters
    ----------
    path : Path
        Overwritten.
    frames : iterable of (time_ms, jpeg)
        Times rise.
    width, height : int
        Of every picture.
    """
    times: list[int] = []
    sizes: list[int] = []
    offsets: list[int] = []
    with path.open("wb") as file:
        kind = _box(b"ftyp", b"isom" + struct.pack(">I", 0x200) + b"isomiso2mp41")
        file.write(kind)
        start = file.tell()
        file.write(struct.pack(">I4sQ", 1, b"mdat", 0))
        for time_ms, jpeg in frames:
            times.append(time_ms)
            sizes.append(len(jpeg))
            offsets.append(file.tell())
            file.write(jpeg)
        _patch_size(file, start)
        file.write(_movie(times, sizes, offsets, width, height))
    return len(times)


def _patch_size(file: BinaryIO, start: int) -> None:
    end = file.tell()
    file.seek(start + 8)
    file.write(struct.pack(">Q", end - start))
    file.seek(end)


def _movie(
    times: list[int], sizes: list[int], offsets: list[int], width: int, height: int
) -> bytes:
    steps = [after - before for before, after in pairwise(times)]
    # The last picture stays for as long as the one before it did.
    steps.append(steps[-1] if steps else _TIMESCALE // 25)
    duration = sum(steps) if times else 0
    header = _full(b"mvhd", 1, 0, struct.pack(">QQIQ", 0, 0, _TIMESCALE, duration) + _movie_rest())
    track = _full(
        b"tkhd",
        1,
        3,
        struct.pack(">QQIIQ", 0, 0, 1, 0, duration)
        + struct.pack(">QHHHH", 0, 0, 0, 0, 0)
        + _MATRIX
        + struct.pack(">II", width << 16, height << 16),
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, _TIMESCALE, duration, 0x55C4, 0))
        + _full(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide") + b"video\0")
        + _box(
            b"minf",
            _full(b"vmhd", 0, 1, struct.pack(">HHHH", 0, 0, 0, 0))
            + _box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1) + _full(b"url ", 0, 1, b"")))
            + _box(b"stbl", _samples(steps, sizes, offsets, width, height)),
        ),
    )
    return _box(b"moov", header + _box(b"trak", track + media))


def _movie_rest() -> bytes:
    return struct.pack(">IHH8x", 0x10000, 0x100, 0) + _MATRIX + struct.pack(">24xI", 2)


def _samples(
    steps: list[int], sizes: list[int], offsets: list[int], width: int, height: int
) -> bytes:
    count = len(sizes)
    description = (
        struct.pack(">6xH16xHHII4xH", 1, width, height, 0x480000, 0x480000, 1)
        + b"\0" * 32
        + struct.pack(">Hh", 24, -1)
        + _full(b"esds", 0, 0, _stream_descriptor())
    )
    runs: list[list[int]] = []
    for step in steps[:count]:
        if runs and runs[-1][1] == step:
            runs[-1][0] += 1
        else:
            runs.append([1, step])
    times = b"".join(struct.pack(">II", *run) for run in runs)
    return (
        _full(b"stsd", 0, 0, struct.pack(">I", 1) + _box(b"mp4v", description))
        + _full(b"stts", 0, 0, struct.pack(">I", len(runs)) + times)
        + _full(b"stsc", 0, 0, struct.pack(">IIII", 1, 1, 1, 1))
        + _full(b"stsz", 0, 0, struct.pack(f">II{count}I", 0, count, *sizes))
        + _full(b"co64", 0, 0, struct.pack(f">I{count}Q", count, *offsets))
    )


def _stream_descriptor() -> bytes:
    decoder = struct.pack(">BB3xII", _JPEG, 0x11, 0, 0)
    stream = struct.pack(">HB", 1, 0) + _descriptor(4, decoder) + _descriptor(6, b"\x02")
    return _descriptor(3, stream)


def _descriptor(tag: int, content: bytes) -> bytes:
    return struct.pack(">BB", tag, len(content)) + content


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full(kind: bytes, version: int, flags: int, content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags) + content)
