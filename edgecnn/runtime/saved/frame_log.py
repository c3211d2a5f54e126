"""A file of records that is whole up to the last one that was written, however it ended.

Layout: 8 bytes of :data:`MAGIC`, then records. Each is a header (little endian: bytes of JSON as
uint32, bytes of data as uint32, CRC-32 of both as uint32), the JSON, and the data.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from edgecnn.errors import DataError, MissingFileError

__all__ = ["MAGIC", "FrameLogWriter", "read_frame_log"]

MAGIC = b"EDGELOG1"
_HEADER = struct.Struct("<III")


class FrameLogWriter:
    """Appends records; each reaches the operating system in one call, so it outlives a kill.

    Parameters
    ----------
    path : Path
        Must not exist yet.

    Raises
    ------
    OSError
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb", buffering=0)
        self._file.write(MAGIC)

    def write(self, record: dict[str, Any], data: bytes = b"") -> None:
        """Append one record: plain data, and bytes that belong to it."""
        text = msgspec.json.encode(record)
        crc = zlib.crc32(data, zlib.crc32(text))
        whole = _HEADER.pack(len(text), len(data), crc) + text + data
        # A full disk, or a signal, may let only a part through.
        rest = memoryview(whole)
        while rest:
            rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_frame_log(path: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Read the records one after the other; one that was cut off ends them.

    Raises
    ------
    MissingFileError
    DataError
        It is no such file, or a record in it was changed.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise DataError(f"{path} is not a log of frames")
            number = 0
            while (found := _read_record(file, path, number)) is not None:
                yield found
                number += 1
    except FileNotFoundError as error:
        raise MissingFileError(f"no such file: {path}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


def _read_record(file: BinaryIO, path: Path, number: int) -> tuple[dict[str, Any], bytes] | None:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    text_size, data_size, crc = _HEADER.unpack(header)
    content = file.read(text_size + data_size)
    if len(content) < text_size + data_size:
        return None
    if zlib.crc32(content) != crc:
        raise DataError(
            f"{path} is damaged at record {number}",
            hint="it was changed after it was written: copy it again",
        )
    record: dict[str, Any] = msgspec.json.decode(content[:text_size])
    return record, content[text_size:]
