from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.mnist import MNIST_LABELS, open_mnist, read_idx
from edgecnn.errors import DataError, DatasetError
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures

DIGITS = ImageInput(height=28, width=28, colour="gray", mean=(0.1307,), std=(0.3081,))
BEATS = BeatInput(
    sampling_rate_hz=360,
    leads=("MLII",),
    before=90,
    after=90,
    filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
    rhythm=RhythmFeatures(),
)


def test_pictures_and_labels_come_back(tmp_path: Path, write_mnist: Callable[..., tuple]) -> None:
    pictures, labels = write_mnist(tmp_path, "test", 30)
    dataset = open_mnist(tmp_path, "test")
    assert len(dataset) == 30
    assert dataset.info.labels == MNIST_LABELS
    assert dataset.targets is not None
    assert dataset.targets.dtype == np.int64
    assert dataset.targets.tolist() == labels.tolist()
    tensors = dataset.inputs(DIGITS, np.array([7, 3]))
    assert set(tensors) == {"input"}
    expected = (pictures[[7, 3], None].astype(np.float32) / 255 - 0.1307) / 0.3081
    np.testing.assert_allclose(tensors["input"], expected, atol=1e-5)
    assert dataset.inputs(DIGITS)["input"].shape == (30, 1, 28, 28)


def test_other_content_than_the_published_is_noted(
    tmp_path: Path, write_mnist: Callable[..., tuple]
) -> None:
    write_mnist(tmp_path)
    assert "another hash" in open_mnist(tmp_path, "test").info.note


@pytest.mark.parametrize("cut", [0, 10, 1000])
def test_a_file_cut_short_is_an_error(
    tmp_path: Path, write_mnist: Callable[..., tuple], cut: int
) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError, match="t10k-images"):
        open_mnist(tmp_path, "test")


def test_a_payload_cut_short_is_an_error(tmp_path: Path, write_mnist: Callable[..., tuple]) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(DatasetError, match="cut short"):
        open_mnist(tmp_path, "test")


def test_files_that_do_not_belong_together(
    tmp_path: Path, write_mnist: Callable[..., tuple], idx_bytes: Callable[..., bytes]
) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros(19, np.uint8))))
    with pytest.raises(DatasetError, match="labels"):
        open_mnist(tmp_path, "test")
    path.write_bytes(gzip.compress(idx_bytes(np.full(20, 11, np.uint8))))
    with pytest.raises(DatasetError, match="11 is no digit"):
        open_mnist(tmp_path, "test")


def test_not_an_idx_file() -> None:
    with pytest.raises(DatasetError, match="not an idx file"):
        read_idx(b"\x89PNG....", "x")


def test_a_beat_model_cannot_read_digits(tmp_path: Path, write_mnist: Callable[..., tuple]) -> None:
    write_mnist(tmp_path)
    with pytest.raises(DataError, match="holds pictures"):
        open_mnist(tmp_path, "test").inputs(BEATS)


@pytest.mark.data
@pytest.mark.parametrize(("split", "count", "first"), [("train", 60_000, 5), ("test", 10_000, 7)])
def test_real_mnist(data_root: Path, split: str, count: int, first: int) -> None:
    dataset = open_dataset(f"mnist:{split}", root=data_root)
    assert len(dataset) == count
    assert dataset.targets is not None
    assert dataset.targets[0] == first
    assert dataset.info.note == ""
    pixels = dataset.inputs(DIGITS, np.arange(0, count, 50))["input"]
    assert abs(float(pixels.mean())) < 0.04
    assert abs(float(pixels.std()) - 1) < 0.04
