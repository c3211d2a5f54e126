"""Boxes that can be seen on any picture."""

import numpy as np
import pytest

from edgecnn.runtime.box_drawing import draw_boxes
from edgecnn.runtime.label_colours import label_colour
from edgecnn.runtime.tasks.detect import Detections


def _found(*rows):
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def test_the_frame_is_where_the_box_is_and_the_picture_stays():
    picture = np.full((400, 600, 3), 90, np.uint8)
    drawn = draw_boxes(picture, _found([100, 150, 300, 350, 0.9, 1]), ("cat", "dog"))
    assert (picture == 90).all()
    assert drawn.shape == picture.shape
    for y, x in ((250, 100), (250, 299), (349, 200), (150, 290)):
        assert tuple(drawn[y, x]) == label_colour(1)
    assert (drawn[200:340, 120:280] == 90).all()


def test_a_small_picture_is_enlarged_and_its_box_with_it():
    drawn = draw_boxes(np.zeros((80, 60, 3), np.uint8), _found([10, 20, 40, 70, 0.9, 0]), ("7",))
    assert drawn.shape == (480, 360, 3)
    assert tuple(drawn[300, 60]) == label_colour(0)


@pytest.mark.parametrize("box", [[0, 0, 50, 50], [580, 10, 600, 40], [0, 390, 600, 400]])
def test_the_label_stays_in_the_picture(box):
    picture = np.zeros((400, 600, 3), np.uint8)
    drawn = draw_boxes(picture, _found([*box, 0.5, 0]), ("a long label",))
    plate = (drawn == label_colour(0)).all(axis=2)
    assert plate.sum() > 1500


def test_the_best_is_drawn_over_the_others():
    found = _found([50, 50, 200, 200, 0.9, 0], [50, 50, 200, 200, 0.4, 1])
    drawn = draw_boxes(np.zeros((400, 400, 3), np.uint8), found, ("a", "b"))
    assert tuple(drawn[199, 150]) == label_colour(0)
