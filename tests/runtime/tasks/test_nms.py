"""Suppression, by hand and against a slow definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgecnn.runtime.tasks.nms import overlaps, suppress


def test_overlap_by_hand():
    first = np.array([[0, 0, 4, 4], [0, 0, 0, 0]])
    second = np.array([[0, 0, 4, 4], [2, 2, 6, 6], [4, 0, 8, 4]])
    # 2x2 shared of 16 + 16 - 4; an edge shared is nothing shared; no area overlaps nothing.
    assert overlaps(first, second) == pytest.approx(np.array([[1, 4 / 28, 0], [0, 0, 0]]))


def test_of_a_pile_the_best_stays_and_classes_do_not_meet():
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 10, 10], [50, 50, 60, 60]])
    scores = np.array([0.6, 0.9, 0.8, 0.3])
    labels = np.array([0, 0, 1, 0])
    assert suppress(boxes, scores, labels, 0.5).tolist() == [1, 2, 3]
    assert suppress(boxes, scores, labels, 0.9).tolist() == [1, 2, 0, 3]
    assert suppress(boxes, scores, labels, 0.5, limit=2).tolist() == [1, 2]


def test_what_a_suppressed_box_overlaps_stays():
    # A chain: the second goes for the first, so the third, which only the second overlaps, stays.
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    assert suppress(boxes, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), 0.3).tolist() == [0, 2]


def test_nothing_gives_nothing():
    assert suppress(np.empty((0, 4)), np.empty(0), np.empty(0, int), 0.5).tolist() == []


@given(st.data())
def test_no_two_kept_boxes_overlap_and_each_gone_one_has_its_better(data):
    count = data.draw(st.integers(0, 12))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    corner = random.uniform(0, 20, (count, 2))
    boxes = np.concatenate([corner, corner + random.uniform(1, 15, (count, 2))], axis=1)
    scores, labels = random.random(count), random.integers(0, 2, count)
    kept = suppress(boxes, scores, labels, 0.4)
    assert (np.diff(scores[kept]) <= 0).all()
    table = overlaps(boxes, boxes)
    rivals = table * (labels[:, None] == labels[None])
    for one in kept:
        assert all(rivals[one, other] <= 0.4 for other in kept if other != one)
    for gone in set(range(count)) - set(kept.tolist()):
        assert any(rivals[gone, one] > 0.4 and scores[one] >= scores[gone] for one in kept)
