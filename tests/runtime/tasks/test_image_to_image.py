from __future__ import annotations

import numpy as np
import pytest

from edgecnn.errors import TaskError
from edgecnn.metadata import Pixels
from edgecnn.runtime.tasks.image_to_image import decode_pixels


def test_rounded_to_even_and_cut() -> None:
    values = np.array([[[[-3.0, 0.5, 1.5, 254.4, 255.6, 1e9]]]], np.float32)
    (picture,) = decode_pixels(values, Pixels(colour="gray", scale=1.0))
    assert picture[0, :, 0].tolist() == [0, 0, 2, 254, 255, 255]
    assert picture.shape == (1, 6, 3)


def test_offset_shows_both_signs() -> None:
    values = np.array([[[[-0.5, 0.0, 0.25]]]], np.float32)
    (picture,) = decode_pixels(values, Pixels(colour="gray", scale=100.0, offset=128.0))
    assert picture[0, :, 0].tolist() == [78, 128, 153]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("colour", ["rgb", "bgr"])
def test_colours_and_layouts(layout: str, colour: str) -> None:
    """Whatever the tensor's order, the picture's is blue, green, red."""
    picture = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    tensor = picture[..., ::-1] if colour == "rgb" else picture
    if layout == "NCHW":
        tensor = tensor.transpose(0, 3, 1, 2)
    pixels = Pixels(colour=colour, layout=layout)  # type: ignore[arg-type]
    decoded = decode_pixels(tensor.astype(np.float32) / 255, pixels)
    np.testing.assert_array_equal(decoded, picture)


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (1, 10), (1, 4, 4, 1)])
def test_output_that_is_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(TaskError, match="is no gray picture in NCHW"):
        decode_pixels(np.zeros(shape, np.float32), Pixels(colour="gray"))
