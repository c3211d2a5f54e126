import cv2
import numpy as np
import pytest

from edgecnn.errors import MissingFileError, SourceError
from edgecnn.runtime.sources.video import Video


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for number in range(12):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def test_every_frame_comes_in_order(clip):
    source = Video(clip)
    source.open()
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    assert [f.number for f in frames] == list(range(12))
    assert [round(float(f.data.mean()) / 20) for f in frames] == list(range(12))
    assert source.fps == 20
    assert not source.live
    stamps = [f.captured_ns for f in frames]
    assert stamps == sorted(stamps)


def test_absent_and_unreadable_files_are_errors(tmp_path):
    with pytest.raises(MissingFileError, match="no such source"):
        Video(tmp_path / "none.mp4").open()
    broken = tmp_path / "killed.mp4"
    broken.write_bytes(b"\0\0\0\x20ftypisom" + b"\0" * 4000)
    with pytest.raises(SourceError) as caught:
        Video(broken).open()
    assert "not a readable video" in caught.value.message
    assert "killed" in caught.value.hint


def test_closing_is_harmless_at_any_time(clip):
    source = Video(clip)
    source.close()
    source.open()
    source.close()
    source.close()


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "shape", "fps"),
    [
        ("one-by-one-person-detection.mp4", (432, 768, 3), 10),
        ("bottle-detection.mp4", (360, 640, 3), 29.83),
        ("asl-again.mkv", (480, 640, 3), 30),
    ],
)
def test_real_videos(data_root, name, shape, fps):
    source = Video(data_root / "video" / name)
    source.open()
    frames = [source.read() for _ in range(5)]
    source.close()
    assert all(f.data.shape == shape for f in frames)
    assert source.fps == pytest.approx(fps, abs=0.2)


@pytest.mark.data
def test_a_real_video_to_its_end(data_root):
    source = Video(data_root / "video" / "asl-again.mkv")
    source.open()
    count = 0
    while source.read() is not None:
        count += 1
    assert count == 77
