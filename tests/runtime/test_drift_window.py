import numpy as np
import pytest

from edgecnn.calibration.baseline import distribution_of
from edgecnn.calibration.histogram import Histogram
from edgecnn.runtime.drift_window import Window

SAMPLES = 256


@pytest.fixture(scope="module")
def reference():
    histogram = Histogram()
    histogram.add(np.random.default_rng(0).normal(0, 1, SAMPLES).astype(np.float32))
    return distribution_of(histogram, "brightness")


def _judged(reference, values, size=240):
    window = Window(reference, SAMPLES, size)
    for value in values:
        window.add(np.array([value]))
    return window.judge()


def test_the_same_distribution_is_never_warned_of(reference):
    states = [
        _judged(reference, np.random.default_rng(seed).normal(0, 1, 240)).state
        for seed in range(1, 101)
    ]
    # At a level of one in a thousand, and a least effect besides.
    assert states.count("ok") >= 99


def test_shifts_are_warned_of_by_size(reference):
    random = np.random.default_rng(1)
    shifted = _judged(reference, random.normal(0.7, 1, 240))
    assert shifted.state == "warn"
    far = _judged(reference, random.normal(3, 1, 240))
    assert (far.state, far.ks > 0.8, far.psi > 1) == ("alarm", True, True)
    assert _judged(reference, random.normal(0.1, 1, 240)).state == "ok"


def test_one_usual_scene_that_does_not_change_is_no_drift_and_an_unusual_one_is(reference):
    random = np.random.default_rng(2)
    for level in (-1.5, 0.0, 1.8):
        still = level + 0.001 * np.cumsum(random.normal(0, 1, 240))
        assert _judged(reference, still).state == "ok"
    assert _judged(reference, 5 + 0.001 * np.cumsum(random.normal(0, 1, 240))).state == "alarm"
    assert _judged(reference, np.full(240, 0.3)).state == "ok"
    # A sensor's noise makes no other scenes of it.
    assert _judged(reference, random.normal(-1, 0.01, 240)).state == "ok"


def test_a_few_scenes_shown_for_long_are_no_drift(reference):
    scenes = np.repeat(np.random.default_rng(3).normal(0, 1, 6), 40)
    assert _judged(reference, scenes).state == "ok"


def test_where_most_values_are_equal_a_slight_change_of_them_is_none(reference):
    """The black of drawn digits: a camera's is a little lighter."""
    random = np.random.default_rng(5)

    def drawn(black):
        share = random.uniform(0.6, 1)
        return np.where(random.uniform(0, 1, 2000) < share, black, random.uniform(0, 1, 2000))

    histogram = Histogram()
    for _ in range(50):
        histogram.add(drawn(0.0).astype(np.float32))
    window, other = (Window(distribution_of(histogram, "input"), SAMPLES, 240) for _ in range(2))
    for _ in range(100):
        window.add(drawn(0.05))
        other.add(drawn(0.3))
    slight = window.judge()
    assert (slight.state, slight.psi > 1, slight.ks > 0.7) == ("ok", True, True)
    assert 0.1 < slight.shift < 0.25
    assert other.judge().state == "alarm"


def test_old_frames_are_forgotten(reference):
    random = np.random.default_rng(4)
    bad, good = random.normal(4, 1, 300), random.normal(0, 1, 240)
    assert _judged(reference, bad).state == "alarm"
    fresh = _judged(reference, good)
    assert _judged(reference, [*bad, *good]) == fresh


def test_too_few_frames_say_nothing(reference):
    assert _judged(reference, [9.0] * 15) is None
    assert _judged(reference, [9.0] * 16).state == "alarm"
