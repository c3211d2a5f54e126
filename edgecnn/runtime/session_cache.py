"""Optimised models in the user's cache, so that a model that was opened before opens sooner.

ONNX Runtime rewrites a graph each time it opens one: folds constants, fuses nodes, lays tensors out
for the processor at hand. What comes out depends on the model, the runtime, the provider and the
processor, and is kept under a name made of these. What is found there and cannot be used is thrown
away and made anew; where nothing can be written nothing is kept, and all works as without.

``EDGECNN_CACHE`` names another folder; ``off`` keeps nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgecnn.files import sha256_of
from edgecnn.runtime.machine import describe_machine

__all__ = ["CachedSession", "Entry", "cache_folder"]

_SCHEMA = 2
#: Smaller files open in a millisecond or two.
_LEAST_BYTES = 300_000
#: A file that changed just now may change again within one tick of the file system's clock.
_SETTLED_S = 2.0
#: The least recently used ones beyond these are removed.
_MOST_ENTRIES, _MOST_BYTES = 40, 2_000_000_000
#: What ONNX Runtime writes where a model's weights lie in other files; those may change unnoticed.
_EXTERNAL = b"\x0a\x08location"


class Entry(msgspec.Struct, frozen=True):
    """What is known of an optimised model, besides its file.

    Attributes
    ----------
    nodes, operators : dict
        Where the model's own nodes were placed, as :class:`~edgecnn.runtime.providers.Placement`
        has it; the optimised one has fewer.
    size : int
        Of the file.
    """

    nodes: dict[str, int]
    operators: dict[str, int]
    size: int


def cache_folder() -> Path | None:
    """Return where optimised models lie: None if they are not to be kept."""
    named = os.environ.get("EDGECNN_CACHE")
    if named is not None and named.lower() in ("off", "0", "no", ""):
        return None
    if named:
        return Path(named) / "sessions"
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "edgecnn" / "sessions"
    except RuntimeError:  # a user without a home
        return None


@dataclass(frozen=True)
class CachedSession:
    """The place of one optimised model in the cache, whether it is there or not.

    Attributes
    ----------
    path : Path
        Of the optimised model.
    """

    path: Path

    @classmethod
    def of(cls, file: Path, provider: str, version: str) -> CachedSession | None:
        """Return a model's place, or None where there is no use in one.

        Parameters
        ----------
        file : Path
        provider : str
            Only ``"cpu"`` has a cache: other providers take most of their time elsewhere.
        version : str
            ONNX Runtime's.
        """
        folder = cache_folder()
        try:
            if folder is None or provider != "cpu" or file.stat().st_size < _LEAST_BYTES:
                return None
            if not _is_ours(folder):
                return None
            sha256 = _hash_of(file, folder)
        except OSError:
            return None
        machine = describe_machine()
        parts = (_SCHEMA, sha256, version, provider, machine.cpu, machine.architecture)
        key = hashlib.sha256(repr((*parts, machine.int8)).encode()).hexdigest()[:32]
        return cls(folder / f"{key}.ort")

    @property
    def _facts(self) -> Path:
        return self.path.with_suffix(".json")

    def find(self) -> Entry | None:
        """Return what is known of it, if it is there whole."""
        try:
            entry = msgspec.json.decode(self._facts.read_bytes(), type=Entry)
            if self.path.stat().st_size != entry.size:
                return None
        except (OSError, msgspec.DecodeError):
            return None
        with contextlib.suppress(OSError):
            os.utime(self.path)
        return entry

    def throw_away(self) -> None:
        """Remove it."""
        for path in (self._facts, self.path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def making(self) -> Iterator[Path | None]:
        """Yield a temporary path to write it to; None where nothing can be written."""
        temporary = self.path.with_name(f".{self.path.stem}.{secrets.token_hex(4)}.ort")
        try:
            temporary.touch(0o600)
        except OSError:
            yield None
            return
        try:
            yield temporary
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def keep(self, temporary: Path, nodes: dict[str, int], operators: dict[str, int]) -> None:
        """Move what was written into its place."""
        with contextlib.suppress(OSError):
            size = temporary.stat().st_size
            if not size:
                return
            # The facts go last: without them the file counts for nothing.
            self._facts.unlink(missing_ok=True)
            temporary.replace(self.path)
            facts = temporary.with_suffix(".json")
            facts.write_bytes(msgspec.json.encode(Entry(nodes, operators, size)))
            facts.replace(self._facts)
            _clean(self.path.parent)


def _is_ours(folder: Path) -> bool:
    """Make the folder, and see that nobody else can put models into it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.stat()
    return found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _hash_of(file: Path, folder: Path) -> str:
    """Return the file's SHA-256; hashing takes longer than opening, so it is remembered."""
    found = file.stat()
    identity = (
        str(file.resolve()),
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
    )
    name = hashlib.sha256(repr(identity).encode()).hexdigest()[:32]
    remembered = folder / f"{name}.sha256"
    with contextlib.suppress(OSError):
        text = remembered.read_text()
        if len(text) == 64:
            return text
    if _EXTERNAL in file.read_bytes():
        raise OSError(f"{file} has weights in other files")
    sha256 = sha256_of(file)
    if time.time() - max(found.st_mtime, found.st_ctime) > _SETTLED_S:
        with contextlib.suppress(OSError):
            temporary = folder / f".{name}.{secrets.token_hex(4)}.sha256"
            temporary.write_text(sha256)
            temporary.replace(remembered)
    return sha256


def _clean(folder: Path) -> None:
    """Remove the least recently used ones."""
    models = sorted(
        ((path.stat().st_mtime, path) for path in folder.glob("[!.]*.ort")), reverse=True
    )
    total = 0
    for place, (_, path) in enumerate(models):
        total += path.stat().st_size
        if place >= _MOST_ENTRIES or total > _MOST_BYTES:
            CachedSession(path).throw_away()
    hashes = sorted(
        ((path.stat().st_mtime, path) for path in folder.glob("*.sha256")), reverse=True
    )
    for _, path in hashes[4 * _MOST_ENTRIES :]:
        path.unlink(missing_ok=True)
