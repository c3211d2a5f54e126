import cv2
import numpy as np
import pytest

from edgecnn.runtime.overlay import Reading, draw_overlay
from edgecnn.runtime.sources.test_camera import TestCamera
from edgecnn.runtime.sources.timecode import TimeCode, draw_timecode, read_timecode


def coded(code, size=(640, 480), number=0):
    picture = TestCamera(f"test:digits?size={size[0]}x{size[1]}").picture(number)
    draw_timecode(picture, code)
    return picture


@pytest.mark.parametrize(
    "code", [TimeCode(0, 0), TimeCode(123_456, 4_115_200), TimeCode(2**32 - 1, 2**40 - 1)]
)
@pytest.mark.parametrize("size", [(640, 480), (320, 240), (1920, 1080), (480, 640), (333, 251)])
def test_what_is_written_is_read(code, size):
    assert read_timecode(coded(code, size)) == code


@pytest.mark.parametrize("quality", [15, 50, 90])
@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_it_survives_scaling_and_jpeg(quality, scale):
    for number in range(0, 60, 20):
        code = TimeCode(number, 33 * number)
        small = cv2.resize(
            coded(code, number=number), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
        )
        encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        assert read_timecode(cv2.imdecode(encoded, cv2.IMREAD_COLOR)) == code


def test_it_can_be_read_below_the_overlay():
    reading = Reading(
        "a long label that is wide", 0.5, (("a", 0.5), ("b", 0.4)), footer="30 fps", corner="#17"
    )
    for size in ((640, 480), (320, 240), (1280, 720)):
        assert read_timecode(draw_overlay(coded(TimeCode(17, 567), size), reading)) == TimeCode(
            17, 567
        )


def test_a_grey_picture_has_it_too():
    assert read_timecode(cv2.cvtColor(coded(TimeCode(5, 6)), cv2.COLOR_BGR2GRAY)) == TimeCode(5, 6)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((480, 640, 3), np.uint8),
        np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        np.zeros((480, 20, 3), np.uint8),
        np.zeros(36, np.float32),
    ],
)
def test_pictures_without_one_give_none(picture):
    assert read_timecode(picture) is None


def test_a_damaged_one_gives_none_and_never_another():
    code = TimeCode(123_456, 4_115_200)
    random = np.random.default_rng(1)
    for _ in range(60):
        picture = coded(code)
        y = int(random.integers(30, 400))
        picture[y : y + 24, 590:630] = random.integers(0, 256)
        assert read_timecode(picture) in (None, code)
