import cv2
import pytest

from edgecnn.runtime.sinks import window


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
