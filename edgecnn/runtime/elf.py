"""Which shared libraries a compiled file needs, read from the file itself.

The loader names only the first library that it misses. Reading the file's own list (System V ABI,
"Dynamic Section", entries ``DT_NEEDED``) names them all, without loading anything.
"""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path

__all__ = ["missing_libraries", "needed_libraries"]

_DYNAMIC_SEGMENT = 2
_LOADED_SEGMENT = 1
_NEEDED = 1
_STRINGS_ADDRESS = 5


def needed_libraries(path: Path) -> list[str]:
    """List the names that a 64-bit little-endian ELF file asks the loader for, in its order.

    Raises
    ------
    ValueError
        Another kind of file.
    """
    with path.open("rb") as file:
        header = file.read(64)
        if header[:6] != b"\x7fELF\x02\x01" or len(header) < 64:
            raise ValueError(f"{path} is no 64-bit little-endian ELF file")
        (table,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        file.seek(table)
        segments = [struct.unpack("<IIQQQQQQ", file.read(size)[:56]) for _ in range(count)]

        entries: list[tuple[int, int]] = []
        for kind, _, offset, _, _, length, _, _ in segments:
            if kind == _DYNAMIC_SEGMENT:
                file.seek(offset)
                entries = list(struct.iter_unpack("<QQ", file.read(length)))
        address = dict(entries).get(_STRINGS_ADDRESS)
        if address is None:
            return []
        # Addresses are where the loader would put things; segments tell where they lie in the file.
        start = next(
            address - virtual + offset
            for kind, _, offset, virtual, _, length, _, _ in segments
            if kind == _LOADED_SEGMENT and virtual <= address < virtual + length
        )
        names = []
        for tag, value in entries:
            if tag == _NEEDED:
                file.seek(start + value)
                names.append(file.read(256).split(b"\0", 1)[0].decode())
        return names


def missing_libraries(names: list[str]) -> list[str]:
    """Return those of the names that the loader cannot load here.

    What loads stays loaded: call it in a process that may be littered.
    """
    missing = []
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing
