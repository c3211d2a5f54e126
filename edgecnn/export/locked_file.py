"""Files by their content, for the lock of an export."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgecnn.files import sha256_of
from edgecnn.metadata import LockedFile

__all__ = ["locked"]


def locked(
    path: Path, role: Literal["checkpoint", "weights", "code", "program", "model"]
) -> LockedFile:
    """Describe a file by name, size and hash."""
    return LockedFile(
        role=role, name=path.name, sha256=sha256_of(path), size_bytes=path.stat().st_size
    )
