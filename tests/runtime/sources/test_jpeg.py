import cv2
import numpy as np
import pytest

from edgecnn.runtime.sources.jpeg import decode_jpeg


@pytest.fixture
def jpeg():
    return cv2.imencode(".jpg", np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3))[1]


def test_a_whole_one_is_decoded_with_padding_too(jpeg):
    assert decode_jpeg(jpeg).shape == (48, 64, 3)
    assert decode_jpeg(jpeg.tobytes() + bytes(300)).shape == (48, 64, 3)
    assert decode_jpeg(jpeg.reshape(1, -1)).shape == (48, 64, 3)


def test_one_that_was_cut_anywhere_gives_no_picture(jpeg):
    for length in range(0, jpeg.size - 1, 7):
        assert decode_jpeg(jpeg[:length]) is None, length


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xd9", b"\x89PNG....\xff\xd9"])
def test_what_is_no_jpeg_gives_no_picture(data):
    assert decode_jpeg(data) is None
