import numpy as np
import pytest

from edgecnn.runtime.frame import Frame
from edgecnn.runtime.intake import Intake

PICTURE = np.zeros((4, 4, 3), np.uint8)


def frames(times_s, faults=()):
    return [
        Frame("x", n, round(1e9 * t) + 10**12, PICTURE, fault="broken" if n in faults else "")
        for n, t in enumerate(times_s)
    ]


def taken(intake, given):
    return [frame.number for frame in given if intake.takes(frame)]


def test_all_are_taken_unless_asked_otherwise():
    assert taken(Intake(), frames([0, 0, 0.001])) == [0, 1, 2]


def test_one_of_several_is_taken():
    assert taken(Intake(stride=4), frames(np.arange(12) / 30)) == [0, 4, 8]


@pytest.mark.parametrize(
    ("camera_fps", "max_fps"), [(30, 10), (30, 7), (25, 24), (60, 1), (10, 30)]
)
def test_the_rate_is_kept_whatever_the_jitter(camera_fps, max_fps):
    jitter = np.random.default_rng(0).normal(0, 0.002, 40 * camera_fps)
    given = frames(np.arange(40 * camera_fps) / camera_fps + jitter)
    rate = len(taken(Intake(max_fps=max_fps), given)) / 40
    assert 0.97 * min(max_fps, camera_fps) - 0.03 <= rate <= min(max_fps, camera_fps) + 0.03


def test_after_a_pause_there_is_no_burst():
    times = [0, *(10 + np.arange(60) / 60)]
    assert len(taken(Intake(max_fps=10), frames(times))) in (11, 12, 13)


def test_a_broken_frame_is_always_taken():
    given = frames(np.arange(9) / 30, faults=[1, 5])
    assert taken(Intake(stride=4), given) == [0, 1, 4, 5, 8]
    assert taken(Intake(max_fps=1), given) == [0, 1, 5]
