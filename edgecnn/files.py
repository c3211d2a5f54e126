"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from edgecnn.errors import EdgeCNNError

__all__ = [
    "atomic_path",
    "check_writable",
    "is_temporary",
    "sha256_of",
    "write_bytes",
    "write_scratch",
    "write_text",
]

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}(?:\.[^.]*)?")


@contextlib.contextmanager
def atomic_path(path: Path, *, is_durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and rename it to ``path`` when the block succeeds.

    The temporary name keeps the suffix, for writers that go by it. When the block raises, nothing
    is left behind and an older ``path`` stays as it was.

    Parameters
    ----------
    path : Path
    is_durable : bool
        Wait until the disk has it. Without, a process that is killed leaves it whole as well, but
        a power cut may not.

    Raises
    ------
    EdgeCNNError
        The folder cannot be made or written to, or the disk is full.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if is_durable:
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if isinstance(error, EdgeCNNError):
            raise
        raise EdgeCNNError(
            f"cannot write {path}: {error.strerror or error}",
            hint="is the folder writable, and is there room on the disk?",
        ) from error
    finally:
        # The folder may be what is wrong; that has been said by now.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Find out before long work whether a file can be written at its end.

    Raises
    ------
    EdgeCNNError
        The folder, or the nearest one above it that is there, takes no files.
    """
    folder = next(one for one in path.absolute().parents if one.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise EdgeCNNError(
            f"cannot write {path}: {folder} takes no files", hint="is the folder writable?"
        )


def is_temporary(path: Path) -> bool:
    """Say whether a file's name is one that :func:`atomic_path` gives while it is written.

    A process that is killed in the middle leaves such a file.

    Examples
    --------
    >>> is_temporary(Path("a/.100.0f3a99c1.dat")), is_temporary(Path("a/.100.dat"))
    (True, False)
    """
    return _TEMPORARY.fullmatch(path.name) is not None


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, or none."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_scratch(path: Path, content: bytes) -> None:
    """Write a whole file, or none, without waiting for the disk.

    For what can be made again after a power cut: of thousands of small files, waiting is most of
    the time.
    """
    with atomic_path(path, is_durable=False) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a whole UTF-8 file, or none."""
    write_bytes(path, content.encode())


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
