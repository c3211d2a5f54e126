from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.cifar10 import CIFAR10_LABELS, open_cifar10
from edgecnn.errors import DatasetError
from edgecnn.metadata import ImageInput

RGB = ImageInput(height=32, width=32, colour="rgb", mean=(0, 0, 0), std=(1, 1, 1))

Tar = Callable[[Path, dict[str, bytes]], None]


def test_a_jpeg_copy_is_read_and_called_lossy(
    tmp_path: Path, write_tar: Tar, jpeg: Callable[..., bytes]
) -> None:
    write_tar(
        tmp_path / "test.tar.gz",
        {"test/cat/0.jpg": jpeg((255, 0, 0)), "test/airplane/1.jpg": jpeg((0, 0, 255))},
    )
    dataset = open_cifar10(tmp_path, "test")
    assert dataset.targets is not None
    assert [CIFAR10_LABELS[i] for i in dataset.targets] == ["cat", "airplane"]
    assert "lossy" in dataset.info.note
    assert "not the whole split: 2 of 10,000 pictures" in dataset.info.note
    means = dataset.inputs(RGB)["input"].mean(axis=(2, 3))
    np.testing.assert_allclose(means, [[0, 0, 1], [1, 0, 0]], atol=0.02)


def test_the_binary_archive_is_preferred_and_read_exactly(
    tmp_path: Path, write_tar: Tar, jpeg: Callable[..., bytes]
) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    rows = [bytes([label]) + plane.tobytes() for label, plane in enumerate(planes)]
    write_tar(tmp_path / "test.tar.gz", {"test/cat/0.jpg": jpeg((0, 0, 0))})
    write_tar(
        tmp_path / "cifar-10-binary.tar.gz",
        {
            "cifar-10-batches-bin/data_batch_2.bin": rows[1] + rows[2],
            "cifar-10-batches-bin/data_batch_1.bin": rows[0],
            "cifar-10-batches-bin/test_batch.bin": rows[3],
            "cifar-10-batches-bin/readme.html": b"<p>",
        },
    )
    train, test = open_cifar10(tmp_path, "train"), open_cifar10(tmp_path, "test")
    assert train.targets is not None
    assert train.targets.tolist() == [0, 1, 2]
    np.testing.assert_allclose(train.inputs(RGB)["input"], planes[:3] / 255, atol=1e-6)
    np.testing.assert_allclose(test.inputs(RGB)["input"], planes[3:] / 255, atol=1e-6)
    assert "lossy" not in test.info.note
    assert "another hash" in test.info.note
    assert "not the whole split: 3 of 50,000 pictures" in train.info.note


def test_decoding_is_done_once_and_a_broken_copy_is_done_again(
    tmp_path: Path, own_cache: Path, write_tar: Tar, jpeg: Callable[..., bytes]
) -> None:
    write_tar(tmp_path / "test.tar.gz", {"test/cat/0.jpg": jpeg((9, 9, 9))})
    first = open_cifar10(tmp_path, "test")
    (kept,) = (own_cache / "decoded").iterdir()
    stamp = kept.stat().st_mtime_ns
    open_cifar10(tmp_path, "test")
    assert kept.stat().st_mtime_ns == stamp

    kept.write_bytes(kept.read_bytes()[:200])
    again = open_cifar10(tmp_path, "test")
    np.testing.assert_array_equal(first.pictures, again.pictures)

    # Another archive is another copy.
    write_tar(tmp_path / "test.tar.gz", {"test/dog/0.jpg": jpeg((9, 9, 9))})
    other = open_cifar10(tmp_path, "test")
    assert other.targets is not None
    assert other.targets.tolist() == [CIFAR10_LABELS.index("dog")]


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_tar: Tar, jpeg: Callable[..., bytes]
) -> None:
    (tmp_path / "file").write_text("no folder can be made below this")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    write_tar(tmp_path / "test.tar.gz", {"test/cat/0.jpg": jpeg((9, 9, 9))})
    for _ in range(2):
        assert len(open_cifar10(tmp_path, "test")) == 1


def test_broken_archives(tmp_path: Path, write_tar: Tar, jpeg: Callable[..., bytes]) -> None:
    archive = tmp_path / "test.tar.gz"
    write_tar(archive, {"test/cat/0.jpg": jpeg((0, 0, 0)) * 40})
    archive.write_bytes(archive.read_bytes()[:-50])
    with pytest.raises(DatasetError, match="cannot unpack"):
        open_cifar10(tmp_path, "test")
    write_tar(archive, {"test/cow/0.jpg": jpeg((0, 0, 0))})
    with pytest.raises(DatasetError, match="no CIFAR-10 class"):
        open_cifar10(tmp_path, "test")
    write_tar(archive, {"test/cat/0.jpg": jpeg((0, 0, 0), side=16)})
    with pytest.raises(DatasetError, match="32×32"):
        open_cifar10(tmp_path, "test")
    write_tar(archive, {"test/cat/0.jpg": b""})
    with pytest.raises(DatasetError, match="32×32"):
        open_cifar10(tmp_path, "test")
    write_tar(archive, {"other/cat/0.jpg": b""})
    with pytest.raises(DatasetError, match="holds no"):
        open_cifar10(tmp_path, "test")
    write_tar(tmp_path / "cifar-10-binary.tar.gz", {"x/test_batch.bin": b"\0" * 3072})
    with pytest.raises(DatasetError, match="3,072 bytes"):
        open_cifar10(tmp_path, "test")


@pytest.mark.data
def test_real_cifar10(data_root: Path) -> None:
    dataset = open_dataset("cifar10:test", root=data_root)
    assert len(dataset) == 10_000
    assert "whole split" not in dataset.info.note
    assert dataset.targets is not None
    assert np.bincount(dataset.targets).tolist() == [1000] * 10
    mean = dataset.inputs(RGB, np.arange(0, 10_000, 20))["input"].mean(axis=(0, 2, 3))
    np.testing.assert_allclose(mean, [0.494, 0.485, 0.450], atol=0.02)
