import os
import signal
import subprocess
import sys
from itertools import pairwise

import cv2
import numpy as np
import pytest

from edgecnn.runtime.sinks.matroska import MatroskaWriter, read_frames


def _jpeg(value, height=48, width=64):
    return cv2.imencode(".jpg", np.full((height, width, 3), value, np.uint8))[1].tobytes()


def _read(path):
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert capture.isOpened()
    seen = []
    while True:
        there, picture = capture.read()
        if not there:
            return capture, seen
        seen.append((round(capture.get(cv2.CAP_PROP_POS_MSEC)), round(float(picture.mean()))))


def test_another_reader_finds_every_frame_at_its_time(tmp_path):
    path = tmp_path / "a.mkv"
    times = [0, 40, 80, 300, 310, 2500, 7000, 7033]
    writer = MatroskaWriter(path, 64, 48)
    for number, time_ms in enumerate(times):
        writer.write(_jpeg(10 * number), time_ms)
    writer.close()
    capture, seen = _read(path)
    assert [time_ms for time_ms, _ in seen] == times
    assert [value for _, value in seen] == pytest.approx([10 * n for n in range(8)], abs=1)
    assert capture.get(cv2.CAP_PROP_FRAME_WIDTH) == 64
    assert list(read_frames(path)) == [(t, _jpeg(10 * n)) for n, t in enumerate(times)]


def test_a_closed_file_knows_length_and_rate_and_can_be_sought_in(tmp_path):
    path = tmp_path / "a.mkv"
    writer = MatroskaWriter(path, 64, 48, interval_ms=40)
    for number in range(200):
        writer.write(_jpeg(number), 40 * number)
    writer.close()
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FPS) == 25
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == pytest.approx(200, abs=1)
    capture.set(cv2.CAP_PROP_POS_FRAMES, 150)
    assert capture.read()[1].mean() == pytest.approx(150, abs=2)


def test_times_never_go_back(tmp_path):
    path = tmp_path / "a.mkv"
    writer = MatroskaWriter(path, 64, 48)
    for time_ms in (0, 10, 10, 5, 40):
        writer.write(_jpeg(1), time_ms)
    writer.close()
    times = [time_ms for time_ms, _ in read_frames(path)]
    assert all(after > before for before, after in pairwise(times))
    assert times[-1] == 40


def test_a_killed_writer_leaves_every_frame_it_wrote(tmp_path):
    path = tmp_path / "killed.mkv"
    code = f"""
import cv2, numpy as np, time
from pathlib import Path
from edgecnn.runtime.sinks.matroska import MatroskaWriter
writer = MatroskaWriter(Path({str(path)!r}), 64, 48)
for number in range(7):
    jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 10 * number, np.uint8))[1].tobytes()
    writer.write(jpeg, 33 * number)
print("written", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"written\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    _, seen = _read(path)
    assert [time_ms for time_ms, _ in seen] == [33 * n for n in range(7)]


@pytest.mark.parametrize("cut", [1, 100, 800])
def test_a_file_cut_anywhere_gives_its_whole_frames(tmp_path, cut):
    whole, path = tmp_path / "whole.mkv", tmp_path / "cut.mkv"
    writer = MatroskaWriter(whole, 64, 48)
    for number in range(20):
        writer.write(_jpeg(number), 33 * number)
    path.write_bytes(whole.read_bytes()[:-cut])
    writer.close()
    frames = list(read_frames(path))
    assert 18 <= len(frames) <= 19
    assert frames == list(read_frames(whole))[: len(frames)]
