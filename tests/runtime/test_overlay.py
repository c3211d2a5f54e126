import cv2
import numpy as np
import pytest

from edgecnn.runtime import overlay
from edgecnn.runtime.overlay import Reading, draw_overlay, text_width

READING = Reading(
    "seven", 0.93, (("seven", 0.93), ("one", 0.05)), footer="30.0 fps   1.2 ms   cpu", corner="#7"
)


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (28, 28), (1, 3000), (480, 640), (900, 300), (1080, 1920)]
)
def test_any_size_is_drawn_and_the_picture_is_not_changed(height, width):
    picture = np.full((height, width, 3), 100, np.uint8)
    drawn = draw_overlay(picture, READING)
    assert (picture == 100).all()
    assert drawn.dtype == np.uint8
    if min(height, width) > 1:
        assert drawn.shape[0] % height == 0
        assert drawn.shape[1] % width == 0
    assert drawn.max() == 255  # the label is white
    assert max(drawn.shape) <= 4096


def test_small_pictures_are_enlarged_by_repeating_pixels():
    picture = np.zeros((28, 28, 3), np.uint8)
    picture[14, 20] = 200
    drawn = draw_overlay(picture, Reading("", 0.0))
    assert drawn.shape == (336, 336, 3)
    assert (drawn[14 * 12 : 15 * 12, 20 * 12 : 21 * 12] == 200).all()


def test_text_grows_with_the_picture():
    def label_rows(height):
        drawn = draw_overlay(np.zeros((height, height * 4 // 3, 3), np.uint8), Reading("H", 1.0))
        return (drawn[:, : height // 4].max(axis=(1, 2)) == 255).sum()

    assert label_rows(1920) == pytest.approx(4 * label_rows(480), rel=0.15)


def test_a_bar_is_as_long_as_its_score():
    def green(score):
        reading = Reading("a", score, (("a", score),))
        drawn = draw_overlay(np.zeros((480, 640, 3), np.uint8), reading)
        return (drawn == overlay._ACCENT).all(axis=2).any(axis=0).sum()

    assert green(0.5) == pytest.approx(green(1.0) / 2, abs=1)
    assert green(0.0) == 0


def test_unknown_is_told_apart_and_gives_its_reason():
    picture = np.zeros((480, 640, 3), np.uint8)
    with_reason = draw_overlay(picture, Reading("unknown", 0.0, unknown=True, reason="too dark"))
    without = draw_overlay(picture, Reading("unknown", 0.0, unknown=True))
    assert (with_reason == overlay._WARNING).all(axis=2).any()
    assert (with_reason != without).any()


@pytest.mark.parametrize("size", [(240, 320), (480, 640), (1080, 1920)])
def test_a_long_reason_takes_two_lines_and_leaves_most_of_the_picture(monkeypatch, size):
    written = []
    real = overlay.write_text

    def spy(canvas, text, *rest, **options):
        written.append(text)
        real(canvas, text, *rest, **options)

    monkeypatch.setattr(overlay, "write_text", spy)
    reason = "unlike calibration: energy 2.57, there 2.77 or more"
    picture = np.full((*size, 3), 200, np.uint8)
    drawn = draw_overlay(
        picture, Reading("unknown", 0.0, (("dog", 0.2), ("cat", 0.1)), unknown=True, reason=reason)
    )
    assert " ".join(text for text in written if text in reason) == reason
    covered = (drawn != 200).any(axis=(0, 2))
    assert covered.mean() < 0.6


@pytest.mark.skipif(not hasattr(cv2, "FontFace"), reason="this OpenCV draws ASCII only")
def test_letters_of_other_scripts_are_not_question_marks():
    def drawn(label):
        return draw_overlay(np.zeros((240, 320, 3), np.uint8), Reading(label, 1.0))

    marks = drawn("??")
    for label in ("Öß", "中文", "ЖЯ"):
        assert (drawn(label) != marks).any()
    assert (drawn("中文") != drawn("文中")).any()


def test_older_opencv_draws_with_its_strokes(monkeypatch):
    monkeypatch.delattr(cv2, "FontFace", raising=False)
    drawn = draw_overlay(
        np.zeros((480, 640, 3), np.uint8), Reading("Größe", 0.5, (("Größe", 0.5),))
    )
    assert drawn.max() == 255
    assert text_width("W" * 10, 20) > text_width("W", 20)


@pytest.mark.parametrize("height", [120, 211, 480, 1080])
def test_what_has_room_is_not_cut(monkeypatch, height):
    written = []
    monkeypatch.setattr(overlay, "write_text", lambda canvas, text, *a, **k: written.append(text))
    labels = ["cat", "airplane", "automobile", "golden retriever", "seven of nine"]
    for label in labels:
        for score in (0.07, 0.42, 1.0):
            draw_overlay(np.zeros((height, height * 4 // 3, 3), np.uint8), Reading(label, score))
    assert not [text for text in written if "…" in text or "..." in text]
    assert set(labels) <= set(written)


def test_long_labels_stay_inside():
    long = "a very long label of a class that nobody can say in one breath " * 3
    drawn = draw_overlay(np.zeros((480, 640, 3), np.uint8), Reading(long, 1.0, ((long, 1.0),)))
    margin = drawn[:440, -8:]
    assert (margin == 0).all()


def test_a_picture_without_pixels_still_says_why():
    empty = np.empty((0, 0, 3), np.uint8)
    drawn = draw_overlay(empty, Reading("unknown", 0.0, unknown=True, reason="cut short"))
    assert drawn.shape == (480, 640, 3)


def test_no_panel_where_the_picture_is_the_answer():
    picture = np.full((480, 640, 3), 90, np.uint8)
    drawn = draw_overlay(picture, Reading("", 0.0, footer="30.0 fps", corner="#1"))
    assert (drawn[:400] == 90).all()
    assert (drawn[450:] != 90).any()
