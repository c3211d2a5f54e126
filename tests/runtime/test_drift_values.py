import cv2
import numpy as np
import pytest

from edgecnn.metadata import ImageInput, Output
from edgecnn.runtime.drift_values import brightness, colour, energy, sharpness

RGB = ImageInput(height=48, width=64, colour="rgb")


def _pictures(count=3, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 1, (count, 3, 48, 64))
    return np.stack([[cv2.GaussianBlur(p, (0, 0), 1.0) for p in one] for one in noise])


def test_sharpness_falls_with_blur_and_not_with_light_or_contrast():
    pictures = _pictures()
    blurred = np.stack([[cv2.GaussianBlur(p, (0, 0), 1.5) for p in one] for one in pictures])
    sharp = sharpness(pictures, RGB)
    assert sharp.shape == (3,)
    assert (sharpness(blurred, RGB) < 0.7 * sharp).all()
    assert sharpness(0.3 * pictures + 5, RGB) == pytest.approx(sharp)
    assert sharpness(np.full((1, 3, 48, 64), 0.5), RGB) == [0]


def test_colour_changes_its_sign_when_red_and_blue_are_exchanged():
    pictures = _pictures()
    pictures[:, 0] += 0.2
    assert colour(pictures, RGB) == pytest.approx([0.2] * 3, abs=0.03)
    assert colour(pictures[:, ::-1], RGB) == pytest.approx(-colour(pictures, RGB))
    grey = ImageInput(height=48, width=64, colour="gray")
    assert colour(pictures[:, :1], grey) is None


def test_both_layouts_are_read():
    import msgspec

    pictures = _pictures()
    last = msgspec.structs.replace(RGB, layout="NHWC")
    moved = pictures.transpose(0, 2, 3, 1)
    assert sharpness(moved, last) == pytest.approx(sharpness(pictures, RGB))
    assert colour(moved, last) == pytest.approx(colour(pictures, RGB))


def test_brightness_is_the_mean_grey_level():
    picture = np.random.default_rng(0).integers(0, 255, (720, 1280, 3), np.uint8)
    picture[:360] //= 4
    whole = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).mean()
    assert brightness(picture) == pytest.approx(whole, rel=0.02)
    assert brightness(np.full((28, 28, 3), 77, np.uint8)) == pytest.approx(77)


def test_energy_is_of_logits_only_and_does_not_overflow():
    logits = np.array([[1000.0, 999.0], [0.0, 0.0]])
    assert energy(logits, Output()) == pytest.approx([1000.3133, np.log(2)])
    assert energy(logits, Output(activation="sigmoid"))[1] == pytest.approx(2 * np.log(2))
    assert energy(logits, Output(activation="none")) is None
    assert energy(np.zeros((1, 10, 10, 15)), Output()) is None
