from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgecnn.errors import EdgeCNNError, TaskError
from edgecnn.runtime.picture_folder import PictureFolder
from edgecnn.runtime.predict import predict_files
from edgecnn.runtime.session import load_model

PICTURE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def test_saved_as_it_is(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path / "out")
    path = folder.save(PICTURE, Path("sub/a.jpg"), tmp_path / "sub/a.jpg")
    assert path == tmp_path / "out/sub/a.png"
    np.testing.assert_array_equal(cv2.imread(str(path)), PICTURE)


def test_two_inputs_of_one_name_are_two_files(tmp_path: Path) -> None:
    folder = PictureFolder(tmp_path)
    paths = [folder.save(PICTURE, Path(name), Path("x")) for name in ("a.jpg", "a.bmp", "a.png")]
    assert [path.name for path in paths] == ["a.png", "a-2.png", "a-3.png"]
    assert all(path.is_file() for path in paths)


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"precious")
    with pytest.raises(EdgeCNNError, match="is the input itself"):
        PictureFolder(tmp_path).save(PICTURE, Path("a.png"), tmp_path / "sub" / ".." / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"precious"


def test_a_classifier_has_no_pictures_to_save(tmp_path: Path) -> None:
    model = load_model("bundled:mnist-lenet5", check=False)
    with pytest.raises(TaskError, match="names pictures"):
        predict_files(model, [tmp_path], out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
