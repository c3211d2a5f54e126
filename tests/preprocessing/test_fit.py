"""Boxes go where the pixels go."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.metadata import ImageInput
from edgecnn.preprocessing.fit import Rectangle, fit_of
from edgecnn.preprocessing.image import fit_image

SIDES = st.integers(8, 300)
SPECS = st.builds(
    ImageInput,
    height=st.integers(16, 128),
    width=st.integers(16, 128),
    colour=st.just("rgb"),
    resize=st.sampled_from(("stretch", "crop", "letterbox", "none")),
    align=st.sampled_from(("centre", "top-left")),
)


@given(height=SIDES, width=SIDES, spec=SPECS)
def test_there_and_back(height, width, spec):
    fit = fit_of(height, width, spec)
    boxes = np.array([[0, 0, width, height], [1.5, 2.25, width / 2, height / 3]])
    back = fit.to_picture(fit.to_tensor(boxes))
    np.testing.assert_allclose(back, boxes, atol=1e-2)


@pytest.mark.parametrize("align", ["centre", "top-left"])
@pytest.mark.parametrize("resize", ["stretch", "crop", "letterbox"])
def test_a_painted_box_is_found_where_its_pixels_went(resize, align):
    spec = ImageInput(
        height=128, width=160, colour="gray", resize=resize, align=align, pad_value=114
    )
    picture = np.zeros((400, 640, 3), np.uint8)
    picture[100:220, 200:360] = 255
    tensor = fit_image(picture, spec)
    tensor[tensor == 114] = 0
    x, y, width, height = cv2.boundingRect((tensor > 127).astype(np.uint8))
    box = fit_of(400, 640, spec).to_tensor(np.array([[200, 100, 360, 220]]))[0]
    np.testing.assert_allclose(box, [x, y, x + width, y + height], atol=1)


def test_yolox_pads_to_the_right_and_below():
    spec = ImageInput(height=416, width=416, colour="bgr", resize="letterbox", align="top-left")
    assert fit_of(360, 640, spec).target == Rectangle(0, 0, 416, 234)
    centred = ImageInput(height=416, width=416, colour="bgr", resize="letterbox")
    assert fit_of(360, 640, centred).target == Rectangle(0, 91, 416, 234)
