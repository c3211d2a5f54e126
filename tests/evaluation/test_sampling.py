from __future__ import annotations

import numpy as np

from edgecnn.evaluation.sampling import draw


def test_all_when_there_are_no_more():
    assert draw(4, None).tolist() == draw(4, 4).tolist() == draw(4, 9).tolist() == [0, 1, 2, 3]


def test_drawn_at_random_in_order_and_again():
    first = draw(1000, 50, seed=3)
    assert len(set(first.tolist())) == 50
    assert (np.diff(first) > 0).all()
    assert (first == draw(1000, 50, seed=3)).all()
    assert (first != draw(1000, 50, seed=4)).any()


def test_classes_as_evenly_as_they_allow():
    targets = np.random.default_rng(0).permutation([0] * 900 + [1] * 90 + [2] * 7)
    counts = np.bincount(targets[draw(997, 100, targets=targets)])
    assert counts.tolist() == [47, 46, 7]


def test_without_classes_the_draw_is_blind():
    targets = np.array([0] * 950 + [1] * 50)
    assert np.bincount(targets[draw(1000, 100)], minlength=2)[1] < 20
