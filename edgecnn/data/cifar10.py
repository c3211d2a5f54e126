"""CIFAR-10, from its author's binary archive or from a JPEG copy (one tar per split).

Decoding is done once: the pictures are kept as one array in the user's cache, under the hash of
the archive that they came from.
"""

from __future__ import annotations

import contextlib
import tarfile
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgecnn.data.arrays import PictureArray
from edgecnn.data.catalogue import entry_of
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.locate import cache_root
from edgecnn.errors import DatasetError, EdgeCNNError
from edgecnn.files import atomic_path, sha256_of

__all__ = ["CIFAR10_LABELS", "cifar10_archive", "open_cifar10"]

#: In the author's order, which is alphabetical.
CIFAR10_LABELS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

_BINARY = "cifar-10-binary.tar.gz"
_SIDE = 32
_PUBLISHED = {"train": 50_000, "test": 10_000}
_ROW_BYTES = 1 + 3 * _SIDE * _SIDE
_LOSSY = "lossy JPEG copies of the original pixels"


def cifar10_archive(folder: Path, split: str) -> Path:
    """Return the archive that a split is read from: the lossless one where it is there."""
    binary = folder / _BINARY
    return binary if binary.is_file() else folder / f"{split}.tar.gz"


def open_cifar10(folder: Path, split: str) -> PictureArray:
    """Read CIFAR-10.

    Parameters
    ----------
    folder : Path
        Holds ``cifar-10-binary.tar.gz``, or ``train.tar.gz`` and ``test.tar.gz`` with
        ``SPLIT/CLASS/NAME.jpg`` inside. The former is preferred, since the latter is lossy.
    split : "train" or "test"

    Raises
    ------
    DatasetError
        The archive is cut short, or holds something else.
    """
    entry = entry_of("cifar10")
    archive = cifar10_archive(folder, split)
    binary = archive.name == _BINARY
    sha256 = sha256_of(archive)
    pictures, targets = _decoded_once(archive, sha256, split, binary=binary)
    notes = [] if binary else [_LOSSY]
    if binary and sha256 != entry.file(_BINARY).sha256:
        notes.append("not the published archive: it has another hash")
    if len(pictures) != _PUBLISHED[split]:
        notes.append(f"not the whole split: {len(pictures):,} of {_PUBLISHED[split]:,} pictures")
    info = DatasetInfo(
        name="cifar10",
        split=split,
        labels=CIFAR10_LABELS,
        sha256=sha256,
        attribution=entry.attribution,
        licence=entry.licence,
        note="; ".join(notes),
    )
    return PictureArray(info, pictures, targets)


def _decoded_once(
    archive: Path, sha256: str, split: str, *, binary: bool
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    kept = cache_root() / "decoded" / f"cifar10-{split}-{sha256[:16]}.npy"
    rows = _load_rows(kept)
    if rows is None:
        read = _read_binary if binary else _read_jpegs
        try:
            rows = read(archive, split)
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise DatasetError(
                f"cannot unpack {archive}: {error}", hint="delete it, or copy it again"
            ) from error
        # Keeping them only saves time: a full disk or a cache of someone else's is no obstacle.
        with contextlib.suppress(EdgeCNNError), atomic_path(kept) as temporary:
            np.save(temporary, rows)
    pictures = rows[:, 1:].reshape(-1, _SIDE, _SIDE, 3)
    return pictures, rows[:, 0].astype(np.int64)


def _load_rows(kept: Path) -> NDArray[np.uint8] | None:
    """Map the kept array into memory; None when it is absent or not what was written."""
    try:
        rows: NDArray[np.uint8] = np.load(kept, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return None
    fits = rows.dtype == np.uint8 and rows.ndim == 2 and rows.shape[1] == _ROW_BYTES
    return rows if fits else None


def _read_binary(archive: Path, split: str) -> NDArray[np.uint8]:
    """Read rows of label and planes R, G, B into rows of label and BGR pixels."""
    wanted = "test_batch" if split == "test" else "data_batch"
    parts = []
    with tarfile.open(archive, "r:gz") as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            name = member.name.rpartition("/")[2]
            if member.isfile() and name.startswith(wanted) and name.endswith(".bin"):
                file = tar.extractfile(member)
                content = file.read() if file else b""
                if len(content) % _ROW_BYTES:
                    raise DatasetError(f"{archive}: {member.name} has {len(content):,} bytes")
                parts.append(np.frombuffer(content, np.uint8).reshape(-1, _ROW_BYTES))
    if not parts:
        raise DatasetError(f"{archive} holds no {wanted}*.bin")
    rows = np.concatenate(parts)
    planes = rows[:, 1:].reshape(-1, 3, _SIDE, _SIDE)
    pixels = planes[:, ::-1].transpose(0, 2, 3, 1).reshape(len(rows), -1)
    return _checked(np.concatenate([rows[:, :1], pixels], axis=1), archive)


def _read_jpegs(archive: Path, split: str) -> NDArray[np.uint8]:
    rows = []
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            parts = member.name.split("/")
            if not member.isfile() or len(parts) < 3 or parts[-3] != split:
                continue
            if parts[-2] not in CIFAR10_LABELS:
                raise DatasetError(f"{archive}: {member.name} is of no CIFAR-10 class")
            file = tar.extractfile(member)
            content = np.frombuffer(file.read() if file else b"", np.uint8)
            pixels = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
            if pixels is None or pixels.shape != (_SIDE, _SIDE, 3):
                raise DatasetError(f"{archive}: {member.name} is no picture of 32×32 pixels")
            label = np.array([CIFAR10_LABELS.index(parts[-2])], dtype=np.uint8)
            rows.append(np.concatenate([label, pixels.ravel().astype(np.uint8)]))
    if not rows:
        raise DatasetError(f"{archive} holds no {split}/CLASS/NAME.jpg")
    return _checked(np.stack(rows), archive)


def _checked(rows: NDArray[np.uint8], archive: Path) -> NDArray[np.uint8]:
    if rows[:, 0].max() >= len(CIFAR10_LABELS):
        raise DatasetError(f"{archive}: label {rows[:, 0].max()} is of no CIFAR-10 class")
    return np.ascontiguousarray(rows)
