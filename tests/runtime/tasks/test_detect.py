"""From output to boxes in the picture."""

import numpy as np
import pytest

from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output
from edgecnn.runtime.tasks.agreement import changed_answer
from edgecnn.runtime.tasks.detect import Detections, changed_boxes, detect, detect_in_tensor


def _contract(**more):
    spec = ImageInput(height=100, width=100, colour="rgb", resize="letterbox")
    boxes = Boxes(decoder="yolov5", max_overlap=0.5, limit=3)
    output = Output(activation="none", min_score=0.5, boxes=boxes)
    values = {"labels": ("cat", "dog"), "input": spec, "output": output} | more
    return ModelMetadata(name="pets", task="detect", **values)


def _output(*rows):
    return np.array(rows, np.float32)


def test_boxes_come_back_through_the_letterbox():
    # A picture of 200x100 lies in rows 25..75 of the tensor, at half its size.
    output = _output([50, 50, 20, 10, 1.0, 0.9, 0.1])
    found = detect(output, _contract(), 100, 200)
    assert found.boxes[0] == pytest.approx([80, 40, 120, 60])
    assert found.rows(("cat", "dog")) == [[80.0, 40.0, 120.0, 60.0, "cat", pytest.approx(0.9)]]


def test_boxes_are_cut_at_the_pictures_edge():
    output = _output([0, 50, 40, 80, 1.0, 0.9, 0.1])
    assert detect(output, _contract(), 100, 200).boxes[0] == pytest.approx([0, 0, 40, 100])


def test_after_a_crop_boxes_stay_in_what_was_looked_at():
    spec = ImageInput(height=100, width=100, colour="rgb", resize="crop")
    output = _output([50, 50, 300, 300, 1.0, 0.9, 0.1])
    found = detect(output, _contract(input=spec), 100, 200)
    assert found.boxes[0] == pytest.approx([50, 0, 150, 100])


def test_faint_boxes_are_left_out_and_the_rest_is_suppressed_and_limited():
    rows = [
        [20, 40, 10, 10, 1.0, 0.9, 0.0],
        [21, 40, 10, 10, 1.0, 0.8, 0.0],
        [20, 40, 10, 10, 1.0, 0.0, 0.7],
        [60, 40, 10, 10, 0.9, 0.5, 0.0],
        [80, 40, 10, 10, 1.0, 0.6, 0.0],
        [40, 60, 10, 10, 1.0, 0.55, 0.0],
    ]
    found = detect(_output(*rows), _contract(), 100, 100)
    assert found.scores == pytest.approx([0.9, 0.7, 0.6])
    assert found.labels.tolist() == [0, 1, 0]
    all_of_them = detect_in_tensor(_output(*rows[3:4]), _contract(), min_score=0.1)
    assert all_of_them.scores == pytest.approx([0.45])


def test_nothing_found_is_an_answer():
    found = detect(_output([20, 40, 10, 10, 0.1, 0.9, 0.0]), _contract(), 100, 100)
    assert len(found) == 0
    assert found.rows(("cat", "dog")) == []
    assert found.best_by_label(("cat", "dog"), 5) == ()


def test_labels_by_their_best_box():
    found = Detections(
        np.zeros((4, 4), np.float32), np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 1, 0, 1])
    )
    assert found.best_by_label(("cat", "dog"), 5) == (("dog", 0.9), ("cat", 0.7))
    assert found.best_by_label(("cat", "dog"), 1) == (("dog", 0.9),)


def test_answers_that_mean_the_same_have_not_changed():
    one = _output([50, 50, 20, 10, 1.0, 0.9, 0.1], [20, 50, 10, 10, 1.0, 0.45, 0.0])
    other = one.copy()
    other[0, :4] += 1.5
    other[0, 5] = 0.7
    other[1, 5] = 0.55  # across the threshold, but near it in both
    assert changed_boxes(one, other, _contract()) is None
    batch = (x[None].reshape(-1, 7) for x in (one, other))
    assert changed_answer(*batch, _contract(), shape=(1, 2, 7)) is None


@pytest.mark.parametrize(
    ("column", "value"), [(0, 80), (5, 0.05), (4, 0.2)], ids=["moved", "gone", "faint"]
)
def test_a_clear_box_that_is_gone_has_changed(column, value):
    one = _output([50, 50, 20, 10, 1.0, 0.9, 0.1])
    other = one.copy()
    other[0, column] = value
    was, now = changed_boxes(one, other, _contract())
    assert was == "'cat' at 40,45 to 60,55"
    assert "cat' at 40" not in now
    assert changed_answer(one, other, _contract(), shape=(1, 1, 7)) == (was, now)


def test_a_box_of_another_label_has_changed():
    one = _output([50, 50, 20, 10, 1.0, 0.9, 0.0])
    other = _output([50, 50, 20, 10, 1.0, 0.0, 0.9])
    assert changed_boxes(one, other, _contract()) is not None
    nothing = _output([50, 50, 20, 10, 0.0, 0.0, 0.9])
    assert changed_boxes(nothing, other, _contract())[1].startswith("'dog'")
