import numpy as np

from edgecnn.runtime.gates.stale import Stale


def test_a_frame_is_as_old_as_it_was_when_its_turn_came(make_frame):
    picture = np.zeros((48, 64, 3), np.uint8)
    gate = Stale(2.0)
    assert gate.check(make_frame(picture, turn_s=1.9)) is None
    refusal = gate.check(make_frame(picture, turn_s=2.6))
    assert (refusal.cause, refusal.reason) == ("stale", "stale: 2.6 s old when its turn came")


def test_without_a_turn_it_is_as_old_as_now(make_frame):
    # Captured ten seconds after the machine started.
    assert Stale(2.0).check(make_frame(np.zeros((48, 64, 3), np.uint8))).cause == "stale"
