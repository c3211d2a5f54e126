"""Photos to draw on, dealt into parts."""

import cv2
import numpy as np
import pytest

from edgecnn.data.photos import PhotoPile, find_photos


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(20):
        cv2.imwrite(str(folder / f"{number:02d}.png"), np.full((400, 600, 3), number, np.uint8))
    return tmp_path


def test_the_parts_share_nothing_and_leave_nothing_out(root):
    parts = [find_photos(split, root=root) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [16, 2, 2]
    assert len({path for part in parts for path in part}) == 20


def test_the_data_folder_is_looked_through(root, monkeypatch):
    monkeypatch.setenv("EDGECNN_DATA", str(root))
    assert len(find_photos("test")) == 2
    monkeypatch.setenv("EDGECNN_DATA", str(root / "photos"))
    assert find_photos("test") == ()


def test_photos_are_read_once_and_made_smaller(root):
    paths = find_photos("validation", root=root)
    pile = PhotoPile(paths)
    assert len(pile) == 2
    assert pile[0].shape == (288, 432, 3)
    assert (pile[1] == 15).all()
    for path in paths:
        path.unlink()
    assert pile[0][0, 0].tolist() == [5, 5, 5]
