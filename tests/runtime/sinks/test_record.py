import cv2
import pytest

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.runtime.sinks.record import Recording


def _times(path):
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    times = []
    while capture.read()[0]:
        times.append(round(capture.get(cv2.CAP_PROP_POS_MSEC)))
    return times


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".MKV"])
def test_a_recording_can_be_read_back_with_its_times(
    tmp_path, suffix, make_answer, make_stream, summary
):
    path = tmp_path / "sub" / f"out{suffix}"
    sink = Recording(path)
    sink.open(make_stream())
    for number in (0, 1, 2, 10):
        sink.write(make_answer(number))
    sink.close(summary)
    assert _times(path) == [0, 40, 80, 400]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_recording_of_a_file_has_the_files_own_pace(tmp_path, make_answer, make_stream, summary):
    path = tmp_path / "out.mkv"
    sink = Recording(path)
    sink.open(make_stream(live=False, fps=10.0))
    for number in range(4):
        sink.write(make_answer(number))
    sink.close(summary)
    assert _times(path) == [0, 100, 200, 300]


def test_pictures_of_another_size_are_fitted_in(tmp_path, make_answer, make_stream, summary):
    path = tmp_path / "out.mkv"
    sink = Recording(path)
    sink.open(make_stream())
    for number, shape in enumerate([(480, 640, 3), (900, 400, 3), (240, 320, 3)]):
        sink.write(make_answer(number, shape=shape))
    sink.close(summary)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    shapes = []
    while (read := capture.read())[0]:
        shapes.append(read[1].shape)
    assert shapes == [(480, 640, 3)] * 3


def test_a_recording_of_nothing_leaves_no_file(tmp_path, make_stream):
    for name in ("out.mkv", "out.mp4"):
        sink = Recording(tmp_path / name)
        sink.open(make_stream())
        sink.close(None)
    assert list(tmp_path.iterdir()) == []


def test_where_a_recording_cannot_be_written_is_an_error_before_the_first_frame(
    tmp_path, make_stream
):
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgeCNNError, match="cannot record"):
        Recording(tmp_path / "file" / "out.mkv").open(make_stream())


def test_another_suffix_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot record"):
        Recording(tmp_path / "out.avi")


def test_a_recording_never_replaces_its_own_source(tmp_path, make_stream):
    source = tmp_path / "walk.mkv"
    source.write_bytes(b"frames")
    sink = Recording(tmp_path / "sub" / ".." / "walk.mkv")
    (tmp_path / "sub").mkdir()
    with pytest.raises(UsageError, match="it is the source"):
        sink.open(make_stream(source=str(source)))
    sink.close(None)
    assert source.read_bytes() == b"frames"


def test_what_a_killed_recording_left_is_kept(tmp_path, make_stream):
    left = tmp_path / "out.recording.mkv"
    left.write_bytes(b"precious")
    sink = Recording(tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="cut off"):
        sink.open(make_stream())
    sink.close(None)
    assert left.read_bytes() == b"precious"


def test_an_older_recording_stays_when_nothing_comes(tmp_path, make_stream):
    older = tmp_path / "out.mkv"
    older.write_bytes(b"older")
    sink = Recording(older)
    sink.open(make_stream())
    sink.close(None)
    assert older.read_bytes() == b"older"
