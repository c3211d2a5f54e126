import numpy as np

from edgecnn.metadata import ImageInput
from edgecnn.runtime.map_drawing import draw_map

GREY = np.full((100, 200, 3), 150, np.uint8)
#: The left half speaks for the class, the right half against it.
MAP = np.array([[2.0, -2.0], [2.0, -2.0]], np.float32)


def _redness(picture):
    return picture[..., 2].astype(int) - picture[..., 0]


def test_for_is_red_and_against_blue_over_the_whole_picture():
    drawn = draw_map(GREY, MAP, ImageInput(height=32, width=32, colour="rgb", resize="stretch"))
    assert (drawn.shape, drawn.dtype) == (GREY.shape, np.uint8)
    assert (_redness(drawn)[:, :60] > 60).all()
    assert (_redness(drawn)[:, 140:] < -60).all()
    assert (GREY == 150).all()


def test_what_the_network_does_not_see_is_dark_and_has_no_colour():
    drawn = draw_map(GREY, MAP, ImageInput(height=32, width=32, colour="rgb", resize="crop"))
    for sides in (drawn[:, :49], drawn[:, 151:]):
        assert np.ptp(sides) == 0
        assert sides.max() < 80
    assert (_redness(drawn)[:, 52:80] > 60).all()
    assert (_redness(drawn)[:, 120:148] < -60).all()


def test_the_padding_of_a_letterbox_is_cut_off():
    spec = ImageInput(height=32, width=32, colour="rgb", resize="letterbox")
    values = np.zeros((8, 8), np.float32)
    values[2:6], values[:2], values[6:] = 1.0, -5.0, -5.0
    # Rows 2 to 5 hold the picture, twice as wide as high.
    assert (_redness(draw_map(GREY, values, spec)) > 60).all()


def test_a_map_of_nothing_colours_nothing():
    spec = ImageInput(height=32, width=32, colour="rgb", resize="stretch")
    assert (_redness(draw_map(GREY, np.zeros((4, 4), np.float32), spec)) == 0).all()
