import cv2
import numpy as np
import pytest

from edgecnn.errors import UsageError
from edgecnn.runtime.frame import Frame
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.session import load_model
from edgecnn.runtime.sources.digits import DIGITS, draw_digit, handwriting
from edgecnn.runtime.sources.test_camera import TestCamera
from tests.runtime.sources.clock import Clock


def _frames(text, count):
    camera = TestCamera(text)
    camera.open()
    return [camera.read() for _ in range(count)]


def test_the_same_seed_draws_the_same_frames():
    first = _frames("test:digits?pace=free&seed=5", 70)
    second = _frames("test:digits?pace=free&seed=5", 70)
    other = _frames("test:digits?pace=free&seed=6", 70)
    assert all((a.data == b.data).all() for a, b in zip(first, second, strict=True))
    assert [f.truth for f in first] == [f.truth for f in second]
    assert any((a.data != b.data).any() for a, b in zip(first, other, strict=True))


def test_a_frame_depends_on_its_number_alone():
    camera = TestCamera("test:digits?pace=free")
    camera.open()
    read = [camera.read() for _ in range(40)]
    again = TestCamera("test:digits?pace=free")
    assert (again.picture(37) == read[37].data).all()
    assert again.label(37) == read[37].truth


def test_every_digit_comes_once_in_ten_seconds_and_stays_for_one():
    camera = TestCamera("test:?fps=20&pace=free")
    labels = [camera.label(number) for number in range(400)]
    for turn in (labels[:200], labels[200:]):
        assert sorted(turn[::20]) == list("0123456789")
        assert all(len(set(turn[start : start + 20])) == 1 for start in range(0, 200, 20))


def test_digits_move_modestly_and_stay_in_the_middle_square():
    camera = TestCamera("test:digits?pace=free&seed=2")
    boxes = []
    for number in range(0, 300, 5):
        bright = np.argwhere(camera.picture(number)[:, :, 0] > 128)
        (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0)
        boxes.append((top, bottom, left, right))
    top, bottom, left, right = np.array(boxes).T
    assert top.min() > 15
    assert bottom.max() < 465
    assert left.min() > 80 + 15
    assert right.max() < 560 - 15
    assert len(set(boxes)) > 55  # something moves all the time


def test_numbers_truth_and_end():
    camera = TestCamera("test:digits?frames=3&pace=free&size=64x48")
    camera.open()
    frames = [camera.read() for _ in range(4)]
    assert [f.number for f in frames[:3]] == [0, 1, 2]
    assert frames[3] is None
    assert frames[0].data.shape == (48, 64, 3)
    assert not camera.live


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("edgecnn.runtime.sources.test_camera.time", clock)
    return clock


def test_it_keeps_its_rate(clock):
    camera = TestCamera("test:digits?fps=50&size=64x48")
    camera.open()
    stamps = []
    for number in range(26):
        stamps.append(camera.read().captured_ns)
        # What the reader takes, as long as it is less than a frame, changes nothing.
        clock.now_ns += number * 700_000
    assert camera.live
    assert np.diff(stamps) / 1e6 == pytest.approx(20, abs=0.01)


def test_after_a_pause_it_goes_on_without_a_burst(clock):
    camera = TestCamera("test:digits?fps=50&size=64x48")
    camera.open()
    camera.read()
    clock.now_ns += 300_000_000
    stamps = [camera.read().captured_ns for _ in range(6)]
    # One was due long ago; those after it are due one by one.
    assert np.diff(stamps[1:]) / 1e6 == pytest.approx(20, abs=0.01)


def test_it_waits_by_the_real_clock():
    camera = TestCamera("test:digits?fps=50&size=64x48")
    camera.open()
    stamps = [camera.read().captured_ns for _ in range(6)]
    assert (stamps[-1] - stamps[0]) / 1e9 > 0.07


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("test:kittens", "unknown test camera: test:kittens"),
        ("test:digits?fps=0", "fps=0 is not a number from 0.2 to 1000"),
        ("test:digits?fps=1e-300", "fps=1e-300 is not a number from 0.2 to 1000"),
        ("test:digits?hold=1e300", "hold=1e300 is not a number"),
        ("test:digits?fps=nan", "fps=nan"),
        ("test:digits?seed=-1", "seed=-1 is not a whole number"),
        ("test:digits?size=9x9", "size=9x9"),
        ("test:digits?pace=slow", "pace=slow is not one of live, free"),
        ("test:digits?count=10", "count=10 is not one of 1, 2"),
        ("test:digits?speed=3", "unknown option speed"),
    ],
)
def test_wrong_options_are_named(text, says):
    with pytest.raises(UsageError) as caught:
        TestCamera(text)
    assert says in caught.value.message


@pytest.mark.parametrize("size", ["640x480", "320x480"])
@pytest.mark.parametrize("count", range(2, 10))
def test_several_digits_at_once_stay_apart(count, size):
    camera = TestCamera(f"test:digits?count={count}&pace=free&size={size}")
    for number in (0, 7, 22, 95):
        ink = (camera.picture(number).max(axis=2) > 100).astype(np.uint8)
        parts, _ = cv2.connectedComponents(ink)
        assert parts == 1 + count
        assert len(camera.label(number).split()) == count


def test_one_digit_is_drawn_as_ever():
    first, again = TestCamera("test:digits"), TestCamera("test:digits?count=1")
    assert (first.picture(17) == again.picture(17)).all()


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_is_one_blob_of_ink(digit):
    for seed in range(5):
        canvas = np.zeros((480, 640, 3), np.uint8)
        draw_digit(canvas, digit, handwriting(seed, 0), (255, 255, 255))
        parts, _ = cv2.connectedComponents((canvas[:, :, 0] > 127).astype(np.uint8))
        assert parts == 2  # the ground and the digit
        assert 0.01 < (canvas[:, :, 0] > 127).mean() < 0.25


def test_loops_are_closed():
    holes = {"0": 1, "6": 1, "8": 2, "9": 1, "1": 0, "2": 0, "3": 0, "5": 0, "7": 0}
    for digit, wanted in holes.items():
        for seed in range(5):
            canvas = np.zeros((480, 640, 3), np.uint8)
            draw_digit(canvas, digit, handwriting(seed, 1), (255, 255, 255))
            ground = (canvas[:, :, 0] < 128).astype(np.uint8)
            _, _, stats, _ = cv2.connectedComponentsWithStats(ground, connectivity=4)
            holes_seen = (stats[1:, cv2.CC_STAT_AREA] > 200).sum() - 1
            assert holes_seen == wanted, (digit, seed)


@pytest.mark.parametrize("seed", [0, 7, 123])
def test_the_bundled_model_reads_its_digits(seed):
    model = load_model("bundled:mnist-lenet5", provider="cpu")
    processor = ImageProcessor(model)
    camera = TestCamera(f"test:digits?seed={seed}&pace=free")
    right = 0
    frames = range(0, 600, 4)
    for number in frames:
        frame = Frame("test", number, 0, camera.picture(number))
        right += processor.process(frame).label == camera.label(number)
    assert right >= 0.99 * len(frames)
