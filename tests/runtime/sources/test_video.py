import cv2
import numpy as np
import pytest

from edgecnn.errors import MissingFileError, SourceError
from edgecnn.runtime.sinks.matroska import MatroskaWriter
from edgecnn.runtime.sinks.mp4 import write_mp4
from edgecnn.runtime.sources.video import Video

STEADY = [40 * number for number in range(60)]
#: As a live recording is: slow, quick, and with a pause.
UNSTEADY = [*range(0, 5000, 500), *range(5000, 5300, 10), *range(60_000, 61_000, 50)]


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (64, 48))
    for number in range(12):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    return path


def _jpegs(count):
    """Make pictures that take some room, each other than the ones before."""
    random = np.random.default_rng(count)
    for _ in range(count):
        coarse = random.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        yield cv2.imencode(".jpg", cv2.resize(coarse, (128, 96)))[1].tobytes()


def _recording(path, times, *, interval_ms=None):
    """Record; returns what is there before the recording is closed."""
    writer = MatroskaWriter(path, 128, 96, interval_ms=interval_ms)
    for time_ms, jpeg in zip(times, _jpegs(len(times)), strict=True):
        writer.write(jpeg, time_ms)
    killed = path.read_bytes()
    writer.close()
    return killed


def _read_all(path):
    """Read to the end; returns the frames and the error that ended them, if one did."""
    source, frames = Video(path), []
    source.open()
    try:
        while (frame := source.read()) is not None:
            frames.append(frame)
    except SourceError as error:
        return frames, error
    finally:
        source.close()
    return frames, None


def _spoil(path, target, *, length, value=0):
    """Copy a file with a picture in its middle spoilt, but for its head."""
    content = bytearray(path.read_bytes())
    at = content.index(b"\xff\xd8", len(content) // 2) + 2
    content[at : at + length] = bytes([value]) * length
    target.write_bytes(content)
    return target


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


@pytest.mark.parametrize("times", [STEADY, UNSTEADY, [0], [0, 33]])
def test_a_whole_recording_ends_well(tmp_path, times):
    path, killed = tmp_path / "a.mkv", tmp_path / "killed.mkv"
    killed.write_bytes(_recording(path, times))
    for file in (path, killed):
        frames, error = _read_all(file)
        assert error is None, error
        assert len(frames) == len(times)
        assert not any(frame.fault for frame in frames)


@pytest.mark.parametrize("lost", [1, 200, 3000])
def test_a_recording_that_was_killed_in_the_middle_of_a_picture_ends_well(tmp_path, lost):
    path = tmp_path / "killed.mkv"
    path.write_bytes(_recording(path, STEADY)[:-lost])
    frames, error = _read_all(path)
    assert error is None
    assert len(frames) == 59


@pytest.mark.parametrize("times", [STEADY, UNSTEADY])
@pytest.mark.parametrize("kept", [0.4, 0.6, 0.9])
def test_a_recording_that_was_cut_off_says_how_much_is_missing(tmp_path, times, kept):
    path = tmp_path / "a.mkv"
    _recording(path, times)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    frames, error = _read_all(path)
    assert len(frames) == pytest.approx(kept * len(times), abs=2)
    assert error.message.startswith(f"{path} ended about ")
    assert error.message.endswith(f" early, after {len(frames)}")
    if times is STEADY:
        about = int(error.message.split(" about ")[1].split()[0])
        assert len(frames) + about == pytest.approx(len(times), abs=2)


def test_a_picture_in_the_middle_that_cannot_be_decoded_is_a_fault(tmp_path):
    whole = tmp_path / "whole.mkv"
    _recording(whole, STEADY)
    write_mp4(tmp_path / "whole.mp4", zip(STEADY, _jpegs(60), strict=True), width=128, height=96)
    for suffix in (".mkv", ".mp4"):
        path = _spoil(whole.with_suffix(suffix), tmp_path / f"a{suffix}", length=300)
        frames, error = _read_all(path)
        assert error is None
        assert [frame.number for frame in frames] == list(range(60))
        broken = [frame for frame in frames if frame.fault]
        assert len(broken) == 1
        assert 28 <= broken[0].number <= 31
        assert broken[0].fault == "the picture cannot be decoded"
        assert broken[0].data.size == 0


def test_an_avi_that_was_cut_off_ends_with_an_error(tmp_path):
    path = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (128, 96))
    for jpeg in _jpegs(60):
        writer.write(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))
    writer.release()
    assert _read_all(path)[1] is None
    content = path.read_bytes()
    path.write_bytes(content[: int(0.6 * len(content))])
    frames, error = _read_all(path)
    assert len(frames) == pytest.approx(35, abs=3)
    assert " early, after " in error.message


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("one-by-one-person-detection.mp4", 1394),
        ("bottle-detection.mp4", 1189),
        ("asl-again.mkv", 77),
    ],
)
def test_whole_real_videos_end_well(data_root, name, count):
    frames, error = _read_all(data_root / "video" / name)
    assert error is None
    assert len(frames) == count


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count"), [("one-by-one-person-detection.mp4", 1394), ("asl-again.mkv", 77)]
)
def test_cut_real_videos_end_with_an_error(data_root, tmp_path, name, count):
    content = (data_root / "video" / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(0.6 * len(content))])
    frames, error = _read_all(path)
    text = error.message.removeprefix(f"{path} ended ").removeprefix("about ")
    assert text.endswith(f" frames early, after {len(frames)}")
    assert int(text.split()[0]) + len(frames) == pytest.approx(count, abs=2)


@pytest.mark.data
def test_a_real_video_damaged_in_its_middle_is_not_over_there(data_root, tmp_path):
    content = bytearray((data_root / "video" / "bottle-detection.mp4").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    frames, error = _read_all(path)
    assert sum(bool(frame.fault) for frame in frames) > 10
    assert not frames[-1].fault
    assert [frame.number for frame in frames] == list(range(len(frames)))
    missing = 1189 - len(frames)
    assert (error is None) == (missing == 0)
    if missing:
        assert f"lacks {missing} frames" in error.message


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
