import cv2
import numpy as np
import pytest

from edgecnn.runtime.sources.extent import Extent, read_extent


@pytest.fixture
def write_clip(tmp_path):
    """Write 30 frames with FFmpeg's own writers."""

    def write(name, code):
        path = tmp_path / name
        writer = cv2.VideoWriter(
            str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), 20, (64, 48)
        )
        for number in range(30):
            writer.write(np.full((48, 64, 3), 8 * number, np.uint8))
        writer.release()
        return path

    return write


@pytest.mark.parametrize(
    ("name", "code", "pictures"),
    [
        ("a.mp4", "mp4v", 30),
        ("a.mov", "mp4v", 30),
        ("a.mkv", "MJPG", 30),
        ("a.webm", "VP80", 30),
    ],
)
def test_other_writers_files_are_counted(write_clip, name, code, pictures):
    assert read_extent(write_clip(name, code)) == Extent(pictures, cut=False)


def test_a_cut_avi_is_known_and_a_whole_one_says_nothing(write_clip):
    path = write_clip("a.avi", "MJPG")
    assert read_extent(path) is None
    path.write_bytes(path.read_bytes()[:-100])
    assert read_extent(path) == Extent(None, cut=True)


@pytest.mark.parametrize("content", [b"", b"\x00", b"RIFF", b"GIF89a" + bytes(40), bytes(100)])
def test_other_containers_say_nothing(tmp_path, content):
    path = tmp_path / "a"
    path.write_bytes(content)
    assert read_extent(path) is None


def test_no_cut_and_no_damage_makes_it_fail(write_clip):
    random = np.random.default_rng(0)
    for name, code in (("a.mp4", "mp4v"), ("a.mkv", "MJPG"), ("a.avi", "MJPG")):
        path = write_clip(name, code)
        whole = path.read_bytes()
        for _ in range(150):
            content = bytearray(whole[: random.integers(1, len(whole) + 1)])
            for at in random.integers(0, len(content), size=random.integers(0, 40)):
                content[at] = random.integers(256)
            path.write_bytes(content)
            extent = read_extent(path)
            assert extent is None or extent.pictures is None or extent.pictures >= 0
