from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.errors import DataError, DatasetError, MissingFileError
from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.image import image_batch

RGB = ImageInput(height=6, width=6, colour="rgb", mean=(0.5,), std=(0.5,))
GREY = ImageInput(height=6, width=6, colour="gray")
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_pictures_are_rgb_and_preprocessed_by_the_model(tmp_path: Path, layout: str) -> None:
    array = PICTURES if layout == "NHWC" else PICTURES.transpose(0, 3, 1, 2)
    np.save(tmp_path / "a.npy", array)
    dataset = open_dataset(tmp_path / "a.npy")
    assert len(dataset) == 5
    expected = image_batch([p[:, :, ::-1] for p in PICTURES], RGB)
    np.testing.assert_array_equal(dataset.inputs(RGB)["input"], expected)
    np.testing.assert_array_equal(dataset.inputs(RGB, np.array([3]))["input"], expected[3:4])


@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 8, 8, 1), (4, 8, 8, 4)])
def test_grey_and_alpha(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.full(shape, 255, np.uint8))
    assert open_dataset(tmp_path / "a.npy").inputs(GREY)["input"].min() == 1.0


def test_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "n.npz", x=PICTURES, y=np.array([1, 0, 1, 0, 1]))
    assert open_dataset(tmp_path / "n.npz").targets.tolist() == [1, 0, 1, 0, 1]
    assert open_dataset(tmp_path / "n.npz", labels=("a", "b")).info.labels == ("a", "b")
    np.savez(tmp_path / "s.npz", images=PICTURES, labels=np.array(list("babab")))
    assert open_dataset(tmp_path / "s.npz", labels=("a", "b")).targets.tolist() == [1, 0, 1, 0, 1]
    with pytest.raises(DatasetError, match="'b' is no class"):
        open_dataset(tmp_path / "s.npz", labels=("a", "c"))


def test_tensors_are_left_as_they_are(tmp_path: Path) -> None:
    tensors = RANDOM.normal(size=(4, 3, 6, 6)).astype(np.float32)
    np.save(tmp_path / "a.npy", tensors)
    dataset = open_dataset(f"tensors:{tmp_path}/a.npy")
    np.testing.assert_array_equal(dataset.inputs(RGB, np.array([2]))["input"], tensors[2:3])
    np.savez(tmp_path / "b.npz", input=tensors.astype(np.float64), y=np.arange(4))
    dataset = open_dataset(f"tensors:{tmp_path}/b.npz")
    assert dataset.inputs(RGB)["input"].dtype == np.float32
    assert dataset.targets.tolist() == [0, 1, 2, 3]
    with pytest.raises(DataError, match=r"holds tensors .*the model reads"):
        dataset.inputs(GREY)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((3, 8, 8, 3), np.float32)}, "pictures are uint8"),
        ({"x": np.zeros((3, 8, 8, 5), np.uint8)}, "has shape"),
        ({"x": np.zeros((3, 8), np.uint8)}, "has shape"),
        ({"x": np.zeros((0, 8, 8), np.uint8)}, "holds no examples"),
        ({"x": PICTURES, "z": PICTURES}, "holds 2 arrays"),
        ({"x": PICTURES, "y": np.zeros(3)}, "different lengths"),
        ({"x": np.array([{}, {}], dtype=object)}, "no readable NumPy file"),
    ],
)
def test_unfit_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DatasetError, match=said):
        open_dataset(tmp_path / "a.npz")


def test_unreadable_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", PICTURES)
    for name, content in (("cut.npy", 200), ("empty.npz", 0), ("cut.npz", 300)):
        (tmp_path / name).write_bytes((tmp_path / "a.npy").read_bytes()[:content])
        with pytest.raises(DatasetError, match="no readable NumPy file"):
            open_dataset(tmp_path / name)
    with pytest.raises(MissingFileError, match="no such file"):
        open_dataset(tmp_path / "none.npy")
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"no \.npy"):
        open_dataset(f"tensors:{tmp_path}/a.bin")
