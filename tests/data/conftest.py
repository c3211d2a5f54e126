"""Small datasets in the real ones' formats, and a cache of the test's own."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the user's cache at a folder that is still empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("EDGECNN_OFFLINE", raising=False)
    return tmp_path / "cache" / "edgecnn"


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset EDGECNN_DATA."""
    monkeypatch.delenv("EDGECNN_DATA", raising=False)


@pytest.fixture(scope="session")
def idx_bytes() -> Callable[[NDArray[np.uint8]], bytes]:
    """Encode an array of bytes as the idx format does."""

    def encode(array: NDArray[np.uint8]) -> bytes:
        sizes = b"".join(int(size).to_bytes(4, "big") for size in array.shape)
        return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()

    return encode


@pytest.fixture(scope="session")
def write_mnist(
    idx_bytes: Callable[[NDArray[np.uint8]], bytes],
) -> Callable[..., tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Write a tiny MNIST into a folder; returns its pictures and labels."""

    def write(
        folder: Path, split: str = "test", count: int = 20
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        pictures = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        prefix = {"train": "train", "test": "t10k"}[split]
        folder.mkdir(parents=True, exist_ok=True)
        for kind, array in (("images-idx3", pictures), ("labels-idx1", labels)):
            path = folder / f"{prefix}-{kind}-ubyte.gz"
            path.write_bytes(gzip.compress(idx_bytes(array)))
        return pictures, labels

    return write


@pytest.fixture(scope="session")
def write_tar() -> Callable[[Path, dict[str, bytes]], None]:
    """Write a gzipped tar of named contents."""

    def write(path: Path, contents: dict[str, bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as tar:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))

    return write


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    """Encode a picture of one colour, given as BGR."""

    def encode(colour: tuple[int, int, int], side: int = 32) -> bytes:
        picture = np.full((side, side, 3), colour, np.uint8)
        return bytes(cv2.imencode(".jpg", picture)[1])

    return encode
