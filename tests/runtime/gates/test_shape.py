import numpy as np
import pytest

from edgecnn.runtime.gates.shape import Shape


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (np.zeros((40, 60), np.uint8), "40x60 of uint8"),
        (np.zeros((40, 60, 2), np.uint8), "40x60x2"),
        (np.zeros((40, 60, 4), np.uint8), "40x60x4"),
        (np.zeros((40, 60, 3), np.uint16), "of uint16"),
        (np.zeros((7, 600, 3), np.uint8), "too small: 600x7 pixels"),
        (np.zeros((0, 0, 3), np.uint8), "too small: 0x0"),
    ],
)
def test_what_no_camera_gives_is_refused(data, reason, make_frame):
    refusal = Shape().check(make_frame(data))
    assert refusal.cause == "shape"
    assert reason in refusal.reason


def test_a_size_may_change(make_frame):
    gate = Shape()
    for size in ((480, 640), (720, 1280), (8, 8)):
        assert gate.check(make_frame(np.zeros((*size, 3), np.uint8))) is None
