"""Labels in scripts that OpenCV cannot set: joined, in order, and inside the picture."""

import sys
from importlib.resources import files

import cv2
import numpy as np
import pytest

from edgecnn.runtime import lettering as lettering_module
from edgecnn.runtime.lettering import lettering
from edgecnn.runtime.overlay import Reading, draw_overlay, text_width


@pytest.fixture(autouse=True)
def typeface(monkeypatch):
    """A typeface with Arabic, Hebrew, Georgian and Armenian, that of the tests' own packages."""
    path = files("matplotlib") / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
    monkeypatch.setenv("EDGECNN_FONT", str(path))
    lettering_module._found.cache_clear()
    lettering.cache_clear()
    yield
    lettering.cache_clear()
    lettering_module._found.cache_clear()


def _drawn(label):
    return draw_overlay(np.zeros((240, 320, 3), np.uint8), Reading(label, 1.0))


@pytest.mark.parametrize("label", ["العربية", "עברית", "ქართული", "Հայերեն"])
def test_letters_that_opencv_lacks_are_drawn(label):
    drawn = _drawn(label)
    assert (drawn != _drawn("?" * len(label))).any()
    assert drawn.max() == 255
    assert lettering(label, 20).mask.max() == 255


@pytest.mark.parametrize("label", ["seven", "Größe", "Кошка", "中文", "한국어", "3 % …", ""])
def test_what_opencv_can_do_is_left_to_it(label):
    assert lettering(label, 20) is None


def test_arabic_letters_are_joined_and_hebrew_runs_from_right_to_left():
    joined = lettering("العربية", 40).width
    apart = sum(lettering(letter, 40).width for letter in "العربية")
    assert joined < 0.9 * apart

    def rises_at(text):
        """Tell where a lamed is, which rises above the others, from the left edge."""
        mask = lettering(text, 60).mask
        return np.flatnonzero(mask[: mask.shape[0] // 6].any(axis=0)).mean() / mask.shape[1]

    # The first letter is the rightmost.
    assert rises_at("לווו") > 0.6
    assert rises_at("ווול") < 0.3


def test_long_labels_stay_inside():
    long = "العربية " * 40
    drawn = draw_overlay(np.zeros((480, 640, 3), np.uint8), Reading(long, 1.0, ((long, 1.0),)))
    assert (drawn[:440, -8:] == 0).all()


@pytest.mark.parametrize("at", [(-20, 10), (95, 40), (10, 0), (10, 200), (300, 300), (-500, 20)])
def test_what_lies_beyond_the_edges_is_cut_off(at):
    canvas = np.zeros((60, 100, 3), np.uint8)
    lettering("ქართული", 30).write(canvas, at, (10, 20, 30))
    assert canvas.max() <= 30


def test_ink_has_its_colour_and_the_rest_stays():
    canvas = np.full((80, 300, 3), 90, np.uint8)
    lettering("ქართული", 40).write(canvas, (10, 50), (250, 0, 100))
    assert (canvas == (250, 0, 100)).all(axis=2).any()
    assert (canvas[:, 250:] == 90).all()


def test_without_pillow_opencv_does_what_it_can(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert lettering("ქართული", 20) is None
    assert _drawn("ქართული").max() == 255
    assert text_width("ქართული", 20) > 0


def test_without_a_typeface_opencv_does_what_it_can(monkeypatch, tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no typeface")
    monkeypatch.setenv("EDGECNN_FONT", str(broken))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lettering("ไทย", 20) is None
    assert _drawn("ไทย").max() == 255


def test_an_older_opencv_leaves_all_but_ascii_to_pillow(monkeypatch):
    monkeypatch.delattr(cv2, "FontFace", raising=False)
    assert lettering("Größe", 20) is not None
    assert lettering("seven", 20) is None
