"""MNIST, from the four idx files of its authors (http://yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import PictureArray, combined_sha256
from edgecnn.data.catalogue import entry_of
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import DatasetError

__all__ = ["MNIST_LABELS", "mnist_files", "open_mnist", "read_idx"]

MNIST_LABELS = tuple("0123456789")

_PREFIX = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 0x08


def mnist_files(split: str) -> tuple[str, str]:
    """Return the names of a split's files: pictures, labels."""
    prefix = _PREFIX[split]
    return f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz"


def open_mnist(folder: Path, split: str) -> PictureArray:
    """Read MNIST.

    Parameters
    ----------
    folder : Path
        Holds ``train-images-idx3-ubyte.gz`` and its siblings.
    split : "train" or "test"

    Raises
    ------
    DatasetError
        A file is cut short or is no idx file, or the two files do not belong together.
    """
    entry = entry_of("mnist")
    arrays, hashes, genuine = [], [], True
    for name in mnist_files(split):
        payload = _unpack(folder / name)
        sha256 = hashlib.sha256(payload).hexdigest()
        genuine &= sha256 == entry.file(name).payload_sha256
        arrays.append(read_idx(payload, str(folder / name)))
        hashes.append(sha256)
    pictures, targets = arrays
    if pictures.ndim != 3 or targets.shape != (len(pictures),):
        raise DatasetError(
            f"MNIST in {folder}: pictures of shape {pictures.shape} with labels {targets.shape}"
        )
    if targets.size and targets.max() >= len(MNIST_LABELS):
        raise DatasetError(f"MNIST in {folder}: label {targets.max()} is no digit")
    info = DatasetInfo(
        name="mnist",
        split=split,
        labels=MNIST_LABELS,
        sha256=combined_sha256(hashes),
        attribution=entry.attribution,
        licence=entry.licence,
        note="" if genuine else "not the published files: their content has another hash",
    )
    return PictureArray(info, pictures, targets.astype(np.int64))


def read_idx(payload: bytes, source: str) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes: magic number, sizes, values.

    Examples
    --------
    >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "x").tolist()
    [7, 8, 9]
    """
    if len(payload) < 4 or payload[:2] != b"\0\0" or payload[2] != _UNSIGNED_BYTE:
        raise DatasetError(f"{source} is not an idx file of bytes")
    axes = payload[3]
    start = 4 + 4 * axes
    shape = tuple(int.from_bytes(payload[at : at + 4], "big") for at in range(4, start, 4))
    if len(payload) != start + int(np.prod(shape, dtype=np.int64)):
        raise DatasetError(f"{source} is cut short", hint="delete it, or copy it again")
    return np.frombuffer(payload, dtype=np.uint8, offset=start).reshape(shape)


def _unpack(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(
            f"cannot unpack {path}: {error}", hint="delete it, or copy it again"
        ) from error
