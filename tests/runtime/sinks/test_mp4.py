import cv2
import numpy as np
import pytest

from edgecnn.runtime.sinks.mp4 import write_mp4


def test_another_reader_finds_every_frame_at_its_time(tmp_path):
    path = tmp_path / "a.mp4"
    times = [0, 40, 80, 300, 340, 2500]
    jpegs = [
        cv2.imencode(".jpg", np.full((48, 64, 3), 20 * n, np.uint8))[1].tobytes() for n in range(6)
    ]
    assert write_mp4(path, zip(times, jpegs, strict=True), width=64, height=48) == 6
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 6
    seen = []
    while (read := capture.read())[0]:
        seen.append(round(float(read[1].mean())))
        assert round(capture.get(cv2.CAP_PROP_POS_MSEC)) == times[len(seen) - 1]
    assert seen == pytest.approx([20 * n for n in range(6)], abs=1)
