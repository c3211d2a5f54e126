from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.errors import DatasetError, ImageError, MissingFileError
from edgecnn.metadata import ImageInput

RGB = ImageInput(height=8, width=8, colour="rgb", mean=(0, 0, 0), std=(1, 1, 1))


@pytest.fixture
def folder(tmp_path: Path, jpeg: Callable[..., bytes]) -> Path:
    for name, colour in (
        ("red/1.jpg", (0, 0, 255)),
        ("blue/deep/2.jpg", (255, 0, 0)),
        ("red/3.jpg", (0, 0, 255)),
    ):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(colour))
    return tmp_path / "pictures"


def test_sub_folders_are_classes(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert dataset.info.labels == ("blue", "red")
    assert dataset.targets is not None
    assert dataset.targets.tolist() == [0, 1, 1]
    means = dataset.inputs(RGB, np.array([2, 0]))["input"].mean(axis=(2, 3))
    np.testing.assert_allclose(means, [[1, 0, 0], [0, 0, 1]], atol=0.02)


def test_targets_index_the_models_labels(folder: Path) -> None:
    dataset = open_dataset(folder, labels=("green", "red", "blue"))
    assert dataset.targets is not None
    assert dataset.targets.tolist() == [2, 1, 1]
    with pytest.raises(DatasetError, match="'blue' is no class"):
        open_dataset(folder, labels=("red", "green"))


def test_without_sub_folders_there_are_no_labels(folder: Path) -> None:
    dataset = open_dataset(folder / "red")
    assert dataset.targets is None
    assert len(dataset) == 2


def test_the_hash_follows_the_content(folder: Path, jpeg: Callable[..., bytes]) -> None:
    before = open_dataset(folder).info.sha256
    assert open_dataset(folder).info.sha256 == before
    (folder / "red/3.jpg").write_bytes(jpeg((0, 255, 0)))
    assert open_dataset(folder).info.sha256 != before


def test_the_hash_follows_the_labels_but_not_the_place(folder: Path, tmp_path: Path) -> None:
    before = open_dataset(folder).info.sha256
    elsewhere = tmp_path / "elsewhere" / "copy"
    shutil.copytree(folder, elsewhere)
    assert open_dataset(elsewhere).info.sha256 == before
    # The same files in the same order, but 3.jpg is of another class.
    (elsewhere / "violet").mkdir()
    (elsewhere / "red/3.jpg").rename(elsewhere / "violet/3.jpg")
    assert open_dataset(elsewhere).info.sha256 != before


def test_bad_folders(folder: Path, tmp_path: Path) -> None:
    (folder / "stray.jpg").write_bytes((folder / "red/1.jpg").read_bytes())
    with pytest.raises(DatasetError, match=r"stray\.jpg lies beside"):
        open_dataset(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no pictures"):
        open_dataset(tmp_path / "empty")
    with pytest.raises(MissingFileError, match="no such dataset or folder"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="is a file"):
        open_dataset(folder / "red/1.jpg")


def test_an_unreadable_picture_is_named(folder: Path) -> None:
    (folder / "red/3.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"3\.jpg"):
        open_dataset(folder).inputs(RGB)


def test_lists_of_pictures(folder: Path) -> None:
    relative = [str(p.relative_to(folder.parent)) for p in sorted(folder.rglob("*.jpg"))]
    (folder.parent / "list.txt").write_text("\n".join(relative))
    (folder.parent / "labelled.csv").write_text(
        "path,label\n" + "".join(f"{p},{p.split('/')[1]}\n" for p in relative)
    )
    bare = open_dataset(folder.parent / "list.txt")
    assert bare.targets is None
    labelled = open_dataset(folder.parent / "labelled.csv", labels=("red", "blue"))
    assert labelled.targets is not None
    assert labelled.targets.tolist() == [1, 0, 0]
    same = open_dataset(folder)
    for dataset in (bare, labelled):
        np.testing.assert_array_equal(dataset.inputs(RGB)["input"], same.inputs(RGB)["input"])
    with pytest.raises(DatasetError, match="'blue' is no class"):
        open_dataset(folder.parent / "labelled.csv", labels=("red", "green"))


def test_the_hash_of_a_list_follows_labels_and_content(folder: Path) -> None:
    path = folder.parent / "list.csv"
    path.write_text("pictures/red/1.jpg,x\npictures/red/3.jpg,y\n")
    before = open_dataset(path).info.sha256
    path.write_text("file,class\npictures/red/1.jpg,x\npictures/red/3.jpg,y\n")
    assert open_dataset(path).info.sha256 == before
    path.write_text("pictures/red/1.jpg,y\npictures/red/3.jpg,y\n")
    assert open_dataset(path).info.sha256 != before
