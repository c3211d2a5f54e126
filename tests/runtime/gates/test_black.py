import numpy as np
import pytest

from edgecnn.runtime.gates.black import Black


def _cause(frame):
    refusal = Black().check(frame)
    return None if refusal is None else refusal.cause


def _noise(low, high, shape=(480, 640, 3)):
    return np.random.default_rng(0).integers(low, high, shape, dtype=np.uint8)


def test_a_covered_lens_is_black_noise_and_hot_pixels_too(make_frame):
    covered = _noise(0, 24)
    covered[20, 20:220:150] = 255
    for picture in (np.zeros((480, 640, 3), np.uint8), covered, _noise(14, 19)):
        assert _cause(make_frame(picture)) == "black"


@pytest.mark.parametrize("colour", [(255, 255, 255), (128, 128, 128), (180, 40, 10), (0, 135, 0)])
def test_one_colour_is_constant(colour, make_frame):
    picture = np.full((480, 640, 3), colour, np.int16) + _noise(0, 3).astype(np.int16)
    assert _cause(make_frame(np.clip(picture, 0, 255).astype(np.uint8))) == "constant"


def test_what_shows_something_passes(make_frame, hd_pictures):
    night = _noise(0, 12)
    night[200:230, 300:330] = 90
    ramp = np.repeat(np.tile(np.linspace(60, 120, 640, dtype=np.uint8), (480, 1))[..., None], 3, 2)
    thumbnail = np.zeros((28, 28, 3), np.uint8)
    thumbnail[4:24, 13:15] = 255
    wall = np.clip(150 + np.random.default_rng(1).normal(0, 3, (480, 640, 3)), 0, 255)
    for picture in (*hd_pictures, night, ramp, thumbnail, wall.astype(np.uint8)):
        assert _cause(make_frame(picture)) is None


def test_it_costs_little(make_frame, hd_pictures, cost_us):
    assert cost_us(Black(), [make_frame(picture) for picture in hd_pictures]) < 2000
