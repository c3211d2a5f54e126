import os
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest

from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.sources.stdin import Stdin

PICTURES = [np.random.default_rng(i).integers(0, 256, (48, 64, 3), np.uint8) for i in range(5)]
JPEGS = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in PICTURES]


@pytest.fixture
def pipe():
    """Return a function that makes a source at the end of a pipe, with data in it or not."""
    ends = []

    def make(text, data=None, **options):
        reader, writer = os.pipe()
        ends.append(reader)
        if data is None:
            ends.append(writer)
        else:
            threading.Thread(target=_fill, args=[writer, data]).start()
        source = Stdin(text, descriptor=reader, **options)
        source.open()
        return source

    yield make
    for end in ends:
        os.close(end)


def _fill(writer, data):
    with os.fdopen(writer, "wb") as file:
        file.write(data)


def read_all(source):
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


@pytest.mark.parametrize("text", ["-", "stdin:mjpeg"])
def test_jpegs_come_out_one_by_one(pipe, text):
    frames = read_all(pipe(text, b"".join(JPEGS)))
    assert [f.number for f in frames] == [0, 1, 2, 3, 4]
    for frame, jpeg in zip(frames, JPEGS, strict=True):
        assert np.array_equal(frame.data, cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1))


def test_raw_pictures_come_out_bit_for_bit(pipe):
    data = b"".join(picture.tobytes() for picture in PICTURES)
    frames = read_all(pipe("stdin:raw?size=64x48&fps=10", data))
    assert all(np.array_equal(f.data, p) for f, p in zip(frames, PICTURES, strict=True))


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("rgb24", cv2.COLOR_BGR2RGB),
        ("bgra", cv2.COLOR_BGR2BGRA),
        ("rgba", cv2.COLOR_BGR2RGBA),
        ("gray", cv2.COLOR_BGR2GRAY),
        ("yuv420p", cv2.COLOR_BGR2YUV_I420),
        ("yuyv422", cv2.COLOR_BGR2YUV_YUY2),
        ("uyvy422", cv2.COLOR_BGR2YUV_UYVY),
    ],
)
def test_other_formats_are_turned_into_bgr(pipe, form, code):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24] = (200, 90, 30)
    data = cv2.cvtColor(picture, code).tobytes()
    (frame, again) = read_all(pipe(f"stdin:raw?size=64x48&format={form}", 2 * data))
    wanted = cv2.cvtColor(cv2.cvtColor(picture, code), 8) if form == "gray" else picture
    assert np.abs(frame.data.astype(int) - wanted)[:22].max() <= 6
    assert np.array_equal(frame.data, again.data)


def test_nv12_is_light_before_colour(pipe):
    grey = bytes([100]) * (64 * 48) + bytes([128]) * (64 * 24)
    (frame,) = read_all(pipe("stdin:raw?size=64x48&format=nv12", grey))
    assert frame.data.shape == (48, 64, 3)
    assert np.ptp(frame.data) == 0


@pytest.mark.parametrize(
    ("text", "data"),
    [("-", JPEGS[0] + JPEGS[1][:300]), ("stdin:raw?size=64x48", PICTURES[0].tobytes() + b"abc")],
)
def test_what_breaks_off_is_a_fault(pipe, text, data):
    good, broken = read_all(pipe(text, data))
    assert (good.fault, broken.data.size) == ("", 0)
    assert broken.fault


def test_a_broken_jpeg_in_between_is_a_fault_and_the_next_follows(pipe):
    frames = read_all(pipe("-", JPEGS[0] + JPEGS[1][: len(JPEGS[1]) // 2] + JPEGS[2]))
    assert [bool(f.fault) for f in frames] == [False, True, False]


@pytest.mark.parametrize(("text", "data"), [("-", b"not a picture"), ("stdin:raw", b"")])
def test_a_pipe_without_a_picture_is_an_error(pipe, text, data):
    source = pipe(text, data)
    with pytest.raises(SourceError, match="ended without a") as caught:
        read_all(source)
    assert caught.value.hint


def test_a_pipe_that_says_nothing_is_given_up_in_time(pipe):
    source = pipe("-", read_s=0.3)
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"gave nothing for 0\.3 s"):
        source.read()
    assert 0.3 <= time.monotonic() - started < 30


def test_a_wait_can_be_interrupted(pipe):
    source = pipe("-", read_s=30)
    threading.Timer(0.1, source.interrupt).start()
    started = time.monotonic()
    assert source.read() is None
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "text",
    ["stdin:raw?format=h264", "stdin:raw?size=63x48&format=nv12", "stdin:mjpeg?size=64x48"],
)
def test_options_that_are_none_are_refused(text):
    with pytest.raises(UsageError):
        Stdin(text)


def test_a_terminal_is_no_pipe():
    import pty

    ends = pty.openpty()
    with pytest.raises(SourceError, match="is a terminal"):
        Stdin("-", descriptor=ends[1]).open()
    for end in ends:
        os.close(end)


def test_another_program_may_pipe_its_pictures_in():
    """A real pipe, into the real command."""
    made = (
        "import cv2, sys\n"
        "from edgecnn.runtime.sources.test_camera import TestCamera\n"
        "for n in range(0, 60, 10):\n"
        "    jpeg = cv2.imencode('.jpg', TestCamera('test:?hold=0.2').picture(n))[1]\n"
        "    sys.stdout.buffer.write(jpeg.tobytes())\n"
    )
    with subprocess.Popen([sys.executable, "-c", made], stdout=subprocess.PIPE) as camera:
        done = subprocess.run(
            [sys.executable, "-m", "edgecnn", "live", "bundled:mnist-lenet5", "--no-check",
             "--headless", "--source", "-"],
            stdin=camera.stdout, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "from stdin (Motion JPEG)" in done.stderr
    assert "6 frames, 6 answered" in done.stdout
