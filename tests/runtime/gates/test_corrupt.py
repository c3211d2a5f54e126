import numpy as np
import pytest

from edgecnn.runtime.gates.corrupt import Corrupt
from edgecnn.runtime.sources.video import Video


def test_a_motion_jpeg_frame_of_which_half_was_lost(spoilt_video):
    """What FFmpeg makes of it, and no more: the frames around it are whole."""
    video = Video(spoilt_video)
    video.open()
    causes = []
    while (frame := video.read()) is not None:
        refusal = Corrupt().check(frame)
        causes.append(refusal and refusal.cause)
    video.close()
    assert causes == [None, None, "corrupt", None, None, None]


@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 135, 0), (36, 82, 155)])
def test_a_blank_band_below_is_refused_with_its_share(colour, make_frame, hd_pictures):
    picture = hd_pictures[0].copy()
    picture[500:] = colour
    refusal = Corrupt().check(make_frame(picture))
    assert refusal.reason == "corrupt: the lower 31 % were not decoded"


def test_bars_overexposure_and_drawn_pictures_are_none(make_frame, hd_pictures):
    film, bright, thin = (hd_pictures[i].copy() for i in range(3))
    film[600:] = 16
    bright[600:] = 255
    thin[680:] = 99
    for picture in (film, bright, thin, hd_pictures[3], np.full((480, 640, 3), 128, np.uint8)):
        assert Corrupt().check(make_frame(picture)) is None
    drawn = hd_pictures[0].copy()
    drawn[500:] = 128
    assert Corrupt().check(make_frame(drawn, name="drawn.png")) is None
