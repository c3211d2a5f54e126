from pathlib import Path

import cv2
import pytest

from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.sources.camera import Camera


def test_an_absent_camera_says_which_and_what_there_is():
    with pytest.raises(SourceError) as caught:
        Camera("217").open()
    assert caught.value.message == "no camera 217: /dev/video217 does not exist"
    assert caught.value.hint


def test_a_device_that_is_no_camera_is_an_error(monkeypatch):
    # Any existing device number would do; the path check is what is led on here.
    monkeypatch.setattr(Path, "exists", lambda self: True)
    with pytest.raises(SourceError, match="cannot be opened"):
        Camera("217").open()


def test_options_are_checked_before_anything_is_opened():
    with pytest.raises(UsageError, match="unknown option zoom"):
        Camera("0?zoom=2")


@pytest.mark.parametrize("rate", ["0.5", "1e300", "nan"])
def test_a_rate_that_no_driver_takes_is_refused(rate):
    with pytest.raises(UsageError, match="is not a number from 1 to 1000"):
        Camera(f"0?fps={rate}")


def test_reading_before_opening_is_an_error():
    with pytest.raises(SourceError, match="not open"):
        Camera("0").read()


def test_a_backend_that_is_not_in_this_opencv_is_told(monkeypatch):
    if "GStreamer:                   YES" in cv2.getBuildInformation():
        pytest.skip("this OpenCV has GStreamer")
    with pytest.raises(SourceError, match="no GStreamer in it"):
        Camera("0", backend="gstreamer").open()
