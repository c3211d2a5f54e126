"""Average precision, worked by hand."""

import numpy as np
import pytest

from edgecnn.data.objects import Objects
from edgecnn.evaluation.detection import (
    average_precision,
    match,
    mean_average_precision,
    score_detections,
)
from edgecnn.runtime.tasks.detect import Detections


def _found(*rows):
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


def _there(*rows):
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Objects(table[:, :4], table[:, 4].astype(np.int64))


def test_the_all_point_rule_by_hand():
    # 4 objects; right, wrong, right, right, wrong: precision 1, 1/2, 2/3, 3/4, 3/5 at recalls
    # 1/4, 1/4, 1/2, 3/4, 3/4. The best precision from there on is 1, then 3/4 twice.
    right = np.array([True, False, True, True, False])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert average_precision(right, scores, 4) == pytest.approx((1 + 0.75 + 0.75) / 4)


def test_the_order_is_that_of_the_scores():
    right, scores = np.array([False, True]), np.array([0.2, 0.9])
    assert average_precision(right, scores, 1) == 1
    assert average_precision(right, 1 - scores, 1) == 0.5


def test_all_found_is_one_and_nothing_found_is_zero():
    assert average_precision(np.ones(3, bool), np.ones(3), 3) == 1
    assert average_precision(np.empty(0, bool), np.empty(0), 3) == 0


def test_each_object_is_found_once_by_its_best_box():
    there = _there([0, 0, 10, 10, 0])
    found = _found([0, 0, 10, 9, 0.6, 0], [0, 0, 10, 10, 0.5, 0])
    assert match([found], [there], 1).right.tolist() == [True, False]


def test_half_an_overlap_is_enough_and_less_is_not():
    there = _there([0, 0, 10, 10, 0])
    # 50 shared of 100; then 49 of 100.
    found = _found([0, 0, 10, 5, 0.6, 0])
    assert match([found], [there], 1).right.tolist() == [True]
    found = _found([0, 0, 10, 4.9, 0.6, 0])
    assert match([found], [there], 1).right.tolist() == [False]


def test_another_class_and_another_picture_are_wrong():
    there = _there([0, 0, 10, 10, 0])
    box = [0, 0, 10, 10, 0.9]
    assert match([_found([*box, 1])], [there], 2).right.tolist() == [False]
    assert match([_found(), _found([*box, 0])], [there, _there()], 2).right.tolist() == [False]


def test_the_mean_is_over_classes_that_occur():
    there = [_there([0, 0, 10, 10, 0], [20, 20, 30, 30, 2])]
    found = [_found([0, 0, 10, 10, 0.9, 0], [0, 0, 10, 10, 0.8, 1])]
    score = score_detections(found, there, 3)
    assert score.per_class == (1.0, None, 0.0)
    assert score.value == 0.5


def test_boxes_of_all_pictures_are_ranked_together():
    there = [_there([0, 0, 10, 10, 0]), _there([0, 0, 10, 10, 0])]
    found = [_found([50, 50, 60, 60, 0.9, 0]), _found([0, 0, 10, 10, 0.8, 0])]
    # Wrong first: precision 1/2 at recall 1/2.
    assert score_detections(found, there, 1).value == pytest.approx(0.25)


def test_the_interval_holds_the_value_and_shrinks_with_the_pictures():
    random = np.random.default_rng(0)

    def score(pictures):
        there = [_there([0, 0, 10, 10, 0])] * pictures
        hit = random.random(pictures) < 0.7
        scores = random.random(pictures)
        found = [
            _found([*([0, 0, 10, 10] if h else [50, 50, 60, 60]), s, 0])
            for h, s in zip(hit, scores, strict=True)
        ]
        return mean_average_precision(match(found, there, 1))

    few, many = score(20), score(400)
    for one in (few, many):
        assert one.interval_95[0] <= one.value <= one.interval_95[1]
    width = [one.interval_95[1] - one.interval_95[0] for one in (few, many)]
    assert width[1] < 0.5 * width[0]


def test_nothing_at_all_is_no_error():
    assert score_detections([_found()], [_there()], 2).value == 0
