import numpy as np
import pytest

from edgecnn.errors import SourceError, UsageError
from edgecnn.runtime.sources.fault_camera import FaultCamera
from edgecnn.runtime.sources.fault_schedule import FAULTS, Schedule, parse_faults
from edgecnn.runtime.sources.timecode import TimeCode, read_timecode
from tests.runtime.sources.clock import Clock


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in ("fault_camera", "test_camera"):
        monkeypatch.setattr(f"edgecnn.runtime.sources.{module}.time", clock)
    return clock


def read(camera, count):
    camera.open()
    return [camera.read() for _ in range(count)]


def drill(faults, options=""):
    return FaultCamera(f"fault:{faults}?pace=free&fps=10&every=1&size=320x240{options}")


def test_the_faults_come_in_their_order_and_again():
    schedule = Schedule(parse_faults("black=0.5s,freeze=1s"), fps=10, every_s=1)
    kinds = [schedule.at(tick)[0] for tick in range(70)]
    once = [""] * 10 + ["black"] * 5 + [""] * 10 + ["freeze"] * 10
    assert kinds == once * 2


def test_without_a_list_all_of_them_come():
    assert [fault.kind for fault in parse_faults("")] == [kind for kind in FAULTS if kind != "end"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stal", "unknown fault: stal"),
        ("black,", "unknown fault: nothing"),
        ("black=", "no length of time"),
        ("black=0s", "no length of time"),
        ("black=-1s", "no length of time"),
        ("black=2h", "no length of time"),
        ("black=1e9", "no length of time"),
        ("end=3s", "no length of time"),
    ],
)
def test_a_fault_that_is_none_is_a_usage_error(text, says):
    with pytest.raises(UsageError, match=says) as caught:
        FaultCamera(f"fault:{text}")
    assert caught.value.hint


def test_good_frames_carry_their_number_and_time_and_answer():
    frames = read(drill("black"), 10)
    assert [read_timecode(f.data) for f in frames] == [TimeCode(n, 100 * n) for n in range(10)]
    assert all(f.truth in set("0123456789") for f in frames)


def test_a_drill_is_the_same_for_the_same_seed():
    for options, same in (("&seed=3", True), ("&seed=4", False)):
        first = read(drill("garbled,black,resize", "&seed=3"), 40)
        second = read(drill("garbled,black,resize", options), 40)
        equal = [np.array_equal(a.data, b.data) for a, b in zip(first, second, strict=True)]
        assert all(equal) if same else not any(equal[:20])


def test_black_pictures_are_black_but_not_equal():
    black = read(drill("black"), 30)[10:]
    assert all(f.data.max() < 8 and f.truth == "unknown" for f in black)
    assert not np.array_equal(black[0].data, black[1].data)


def test_frozen_pictures_are_the_last_one_again():
    frames = read(drill("freeze=2s"), 31)
    assert all(np.array_equal(f.data, frames[9].data) for f in frames[10:30])
    assert [f.number for f in frames] == list(range(31))
    assert {f.truth for f in frames[10:30]} == {None}
    assert read_timecode(frames[30].data).frame == 30


def test_corrupt_pictures_are_faults():
    corrupt = read(drill("corrupt"), 20)[10:]
    assert all(f.fault and f.data.size == 0 and f.truth == "unknown" for f in corrupt)


def test_garbled_pictures_are_damaged_from_some_row_on():
    good, bad = read(drill("black"), 11)[9], read(drill("garbled"), 20)[10:]
    assert all((f.data[-1] == 128).all() and f.data.shape == good.data.shape for f in bad)
    assert all(read_timecode(f.data) is None for f in bad)


def test_resized_pictures_are_whole_pictures_of_half_the_size():
    frames = read(drill("resize"), 31)
    assert {f.data.shape for f in frames[10:30]} == {(120, 160, 3)}
    assert read_timecode(frames[10].data) == TimeCode(10, 1000)
    assert frames[30].data.shape == (240, 320, 3)


def test_pictures_of_a_wrong_shape_have_two_channels():
    assert {f.data.shape for f in read(drill("wrong-shape"), 20)[10:]} == {(240, 320, 2)}


def test_a_stall_takes_its_time_and_leaves_a_gap(clock):
    camera = drill("stall=0.3s")
    frames = read(camera, 10)
    started = clock.now_s
    frame = camera.read()
    assert clock.now_s - started == pytest.approx(0.3)
    assert read_timecode(frame.data).frame == 13
    assert frame.number == len(frames) == 10


def test_a_stall_longer_than_the_time_out_fails_until_it_is_over(clock):
    camera = FaultCamera("fault:stall=0.5s?pace=free&fps=10&every=1", read_s=0.2)
    read(camera, 10)
    for _ in range(2):
        with pytest.raises(SourceError, match=r"gave nothing for 0\.2 s"):
            camera.read()
        camera.close()
        camera.open()
    assert read_timecode(camera.read().data).frame == 15


def test_a_burst_comes_late_and_all_at_once(clock):
    camera = drill("burst=0.5s")
    read(camera, 10)
    started = clock.now_s
    frames = [camera.read() for _ in range(5)]
    assert clock.now_s - started == pytest.approx(0.5)
    assert [read_timecode(f.data).frame for f in frames] == [10, 11, 12, 13, 14]
    assert frames[-1].captured_ns == frames[0].captured_ns


def test_a_lost_camera_fails_at_once_until_it_is_back_and_opened_again(clock):
    camera = drill("lost=0.3s")
    read(camera, 10)
    for _ in range(3):
        with pytest.raises(SourceError, match="lost on purpose"):
            camera.read()
    camera.close()
    assert not camera.reachable()
    with pytest.raises(SourceError, match="cannot be reached"):
        camera.open()
    clock.sleep(0.29)
    assert not camera.reachable()
    clock.sleep(0.02)
    assert camera.reachable()
    with pytest.raises(SourceError, match="lost on purpose"):
        camera.read()  # as with a real one, reading alone does not help
    camera.open()
    frame = camera.read()
    assert (read_timecode(frame.data).frame, frame.number) == (13, 10)


def test_the_end_is_the_end():
    assert read(drill("end"), 11)[10] is None
    assert read(drill("black", "&frames=3"), 4)[3] is None


def test_a_live_drill_keeps_time(clock):
    camera = FaultCamera("fault:black?fps=50&size=320x240")
    frames = read(camera, 26)
    assert camera.live
    assert np.diff([f.captured_ns for f in frames]) / 1e6 == pytest.approx(20, abs=0.01)


def test_it_waits_by_the_real_clock():
    camera = FaultCamera("fault:stall=0.1s?fps=50&every=0.1&size=64x48")
    stamps = [frame.captured_ns for frame in read(camera, 11)]
    assert (stamps[4] - stamps[0]) / 1e9 > 0.05
    assert (stamps[5] - stamps[4]) / 1e9 > 0.05
