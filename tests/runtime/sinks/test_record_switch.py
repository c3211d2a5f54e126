"""Recordings that are started and ended while the stream runs."""

import cv2
import pytest

from edgecnn.errors import EdgeCNNError, UsageError
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.sinks.base import StreamInfo
from edgecnn.runtime.sinks.record_switch import RecordSwitch


def _open(sink, *, live=True):
    controls = Controls()
    sink.open(StreamInfo("c", "m", live, 25.0, {}, lambda _: None, controls))
    return controls


def _times(path):
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    times = []
    while capture.read()[0]:
        times.append(round(capture.get(cv2.CAP_PROP_POS_MSEC)))
    return times


@pytest.mark.parametrize("live", [True, False])
def test_a_recording_ends_and_the_next_has_a_name_of_its_own(tmp_path, make_answer, summary, live):
    sink = RecordSwitch(tmp_path / "out.mp4", tmp_path)
    controls = _open(sink, live=live)
    assert controls.recording
    for number in range(3):
        sink.write(make_answer(number))
    assert controls.record() == "recorded out.mp4"
    assert not controls.recording
    sink.write(make_answer(3))
    assert controls.record() == "recording out-2.mp4"
    for number in (4, 5):
        sink.write(make_answer(number))
    sink.close(summary)
    assert sorted(path.name for path, _ in sink.files) == ["out-2.mp4", "out.mp4"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-2.mp4", "out.mp4"]
    assert _times(tmp_path / "out.mp4") == [0, 40, 80]
    # Its own time begins with its first frame.
    assert _times(tmp_path / "out-2.mp4") == [0, 40]


def test_without_a_file_it_starts_when_it_is_switched_on(tmp_path, make_answer, summary):
    sink = RecordSwitch(None, tmp_path / "kept")
    controls = _open(sink)
    sink.write(make_answer(0))
    assert not controls.recording
    assert list(tmp_path.iterdir()) == []
    controls.record()
    sink.write(make_answer(1))
    sink.close(summary)
    ((path, lost),) = sink.files
    assert path.parent == tmp_path / "kept"
    assert (_times(path), lost) == ([0], 0)


def test_one_that_was_ended_before_a_frame_came_leaves_nothing(tmp_path, summary):
    sink = RecordSwitch(None, tmp_path / "kept")
    controls = _open(sink)
    controls.record()
    controls.record()
    sink.close(summary)
    assert sink.files == []
    assert list((tmp_path / "kept").iterdir()) == []


def test_what_cannot_be_recorded_is_told_and_the_stream_goes_on(tmp_path, make_answer, summary):
    (tmp_path / "kept").write_text("a file")
    sink = RecordSwitch(None, tmp_path / "kept")
    controls = _open(sink)
    with pytest.raises(EdgeCNNError, match="cannot record"):
        controls.record()
    assert not controls.recording
    sink.write(make_answer(0))
    sink.close(summary)
    with pytest.raises(UsageError):
        RecordSwitch(tmp_path / "out.avi", tmp_path)
