import cv2
import pytest

from edgecnn.errors import EdgeCNNError
from edgecnn.runtime.controls import Controls
from edgecnn.runtime.sinks import window
from edgecnn.runtime.sinks.base import StreamInfo


@pytest.mark.parametrize("display", [None, ":217"])
def test_without_a_display_that_answers_there_is_no_window_and_no_abort(monkeypatch, display):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    trouble = window.window_trouble()
    assert trouble is not None
    if cv2.currentUIFramework():
        assert "display" in trouble


def test_a_headless_opencv_is_told_from_its_framework(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "currentUIFramework", lambda: "")
    assert "opencv-python-headless" in window.window_trouble()


@pytest.mark.parametrize(
    ("key", "visible", "reason"), [(ord("q"), 1, "key"), (27, 1, "key"), (255, 0, "closed")]
)
def test_the_window_ends_the_stream(
    monkeypatch, key, visible, reason, make_answer, make_stream, summary
):
    # No display here: OpenCV's window calls are stood in for, the rest is real.
    for name in ("namedWindow", "resizeWindow", "imshow", "destroyAllWindows"):
        monkeypatch.setattr(cv2, name, lambda *args: None)
    monkeypatch.setattr(cv2, "pollKey", lambda: key)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *args: visible)
    reasons = []
    sink = window.Window()
    sink.open(make_stream(stop=reasons.append))
    sink.write(make_answer())
    sink.close(summary)
    assert len(reasons) == 1
    assert reason in reasons[0]


@pytest.fixture
def keys(monkeypatch):
    """Keys that are pressed, and pictures that are shown; the display alone is stood in for."""
    pressed, shown = [], []
    for name in ("namedWindow", "resizeWindow", "destroyAllWindows"):
        monkeypatch.setattr(cv2, name, lambda *args: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: shown.append(picture))
    monkeypatch.setattr(cv2, "pollKey", lambda: ord(pressed.pop(0)) if pressed else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *args: 1)
    return pressed, shown


def test_keys_pause_keep_record_and_explain(keys, make_answer):
    pressed, shown = keys
    done = []
    controls = Controls(snapshot=lambda: done.append("kept") or "a.png")
    controls.record = lambda: done.append("record") or "recording a.mkv"
    said = []
    sink = window.Window(said.append)
    sink.open(StreamInfo("c", "m", live=True, fps=1, card={}, stop=done.append, controls=controls))
    answer = make_answer(shape=(480, 640, 3))
    sink.write(answer)
    assert shown[-1] is answer.picture()
    pressed += "psrep"
    for _ in range(5):
        sink.idle()
    assert done == ["kept", "record"]
    assert said == ["snapshot a.png", "recording a.mkv", "this model has nothing to explain with"]
    assert not controls.paused
    assert not controls.explain
    controls.can_explain = True
    pressed += "e "
    sink.idle()
    sink.idle()
    assert controls.explain
    assert controls.paused
    # It is shown in the picture that it is paused; what the stream is told stays as it was.
    sink.idle()
    assert shown[-1] is not answer.picture()
    # Above the footer, and not over the label.
    rows = (shown[-1] != answer.picture()).any(axis=(1, 2)).nonzero()[0]
    assert 360 < rows[0] < rows[-1] < 450
    count = len(shown)
    sink.idle()
    assert len(shown) == count


def test_a_key_that_cannot_do_its_work_ends_nothing(keys, make_answer):
    pressed, _ = keys

    def fail():
        raise EdgeCNNError("the disk is full")

    said, stopped = [], []
    sink = window.Window(said.append)
    controls = Controls(snapshot=fail)
    sink.open(
        StreamInfo("c", "m", live=True, fps=1, card={}, stop=stopped.append, controls=controls)
    )
    pressed += "sx"
    sink.write(make_answer())
    sink.idle()
    assert said == ["the disk is full"]
    assert stopped == []
