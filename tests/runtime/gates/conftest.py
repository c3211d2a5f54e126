"""Frames as cameras give them."""

import time

import cv2
import numpy as np
import pytest

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.sources.test_camera import TestCamera


def _frame(data, *, number=0, at_s=0.0, name="", turn_s=None):
    captured = 10_000_000_000 + round(at_s * 1e9)
    turn = 0 if turn_s is None else captured + round(turn_s * 1e9)
    return Frame("camera", number, captured, data, name=name, turn_ns=turn)


@pytest.fixture
def make_frame():
    return _frame


@pytest.fixture(scope="session")
def hd_pictures():
    """Eight pictures of 1280 x 720 from a drawn camera, none equal to another."""
    camera = TestCamera("test:digits?size=1280x720&count=4&hold=0.5")
    return [camera.picture(number) for number in range(8)]


@pytest.fixture
def spoilt_video(tmp_path, hd_pictures):
    """A Motion JPEG file of six frames; of the third, half the bytes are zero."""
    path = tmp_path / "whole.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (1280, 720))
    ramp = np.linspace(40, 200, 1280, dtype=np.uint8)
    for picture in hd_pictures[:6]:
        writer.write(cv2.max(picture, np.repeat(np.tile(ramp, (720, 1))[..., None], 3, axis=2)))
    writer.release()
    content = bytearray(path.read_bytes())
    starts = [i for i in range(len(content)) if content[i : i + 3] == b"\xff\xd8\xff"]
    middle, end = (starts[2] + starts[3]) // 2, starts[3] - 8
    content[middle:end] = bytes(end - middle)
    spoilt = tmp_path / "spoilt.avi"
    spoilt.write_bytes(content)
    return spoilt


@pytest.fixture(scope="session")
def cost_us():
    """Return the least time that a gate takes for one of some frames, in microseconds."""

    def measure(gate, frames):
        times = []
        for frame in frames * 8:
            started = time.perf_counter_ns()
            gate.check(frame)
            times.append(time.perf_counter_ns() - started)
        return sorted(times)[len(times) // 4] / 1e3

    return measure
