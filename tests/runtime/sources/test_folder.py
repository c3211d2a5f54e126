import cv2
import numpy as np
import pytest

from edgecnn.errors import ImageError, MissingFileError
from edgecnn.runtime.sources.folder import Folder, expand_pictures


@pytest.fixture
def pictures(tmp_path):
    for name, value in (("b.png", 20), ("a.jpg", 10), ("sub/c.png", 30)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((6, 8, 3), value, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_a_folder_gives_its_pictures_sorted_and_then_none(pictures):
    source = Folder(str(pictures))
    source.open()
    frames = [source.read() for _ in range(4)]
    assert [f.name for f in frames[:3]] == [
        str(pictures / name) for name in ("a.jpg", "b.png", "sub/c.png")
    ]
    assert [f.number for f in frames[:3]] == [0, 1, 2]
    assert frames[1].data[0, 0].tolist() == [20, 20, 20]
    assert frames[3] is None
    assert not source.live
    assert "3 pictures" in source.description


def test_a_broken_picture_is_a_fault_and_the_rest_follows(pictures):
    (pictures / "aa.png").write_bytes(b"\x89PNG not really")
    source = Folder(str(pictures / "*.png"))
    source.open()
    broken, good = source.read(), source.read()
    assert "not a readable picture" in broken.fault
    assert broken.data.size == 0
    assert good.fault == ""


def test_a_jpeg_without_its_end_is_a_fault_whatever_the_decoder_makes_of_it(pictures, monkeypatch):
    # OpenCV 4 decodes it all the same, with grey where the rest was; OpenCV 5 refuses it.
    path = pictures / "a.jpg"
    whole = path.read_bytes()

    def lenient(content, flags):
        return np.full((6, 8, 3), 128, np.uint8), np.empty(0, np.int32), ()

    monkeypatch.setattr(cv2, "imdecodeWithMetadata", lenient)
    for content, fault in ((whole, ""), (whole[:-2], f"{path} is cut short")):
        path.write_bytes(content)
        source = Folder(str(path))
        source.open()
        assert source.read().fault == fault


def test_globs_take_pictures_only(pictures):
    assert [p.name for p in expand_pictures(str(pictures / "*"))] == ["a.jpg", "b.png"]
    assert len(expand_pictures(str(pictures / "**" / "*.png"))) == 2


@pytest.mark.parametrize("name", ["missing.png", "*.webp"])
def test_nothing_there_is_an_error(pictures, name):
    with pytest.raises(MissingFileError):
        Folder(str(pictures / name)).open()


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(ImageError, match="no pictures"):
        Folder(str(tmp_path)).open()
