"""Scenes of digits: boxes are where the ink is."""

import cv2
import numpy as np
import pytest

from edgecnn.data import scene
from edgecnn.data.scene import SIZES, draw_scene
from edgecnn.runtime.tasks.nms import overlaps


@pytest.fixture(scope="module")
def digits():
    """Ten bars and rings in place of MNIST's digits."""
    pictures = np.zeros((10, 28, 28), np.uint8)
    for number, picture in enumerate(pictures):
        if number % 2:
            cv2.line(picture, (14, 4), (14, 24), 255, 3)
        else:
            cv2.circle(picture, (14, 14), 8, 255, 3)
    return pictures


def _scene(seed, digits, photos=()):
    return draw_scene(np.random.default_rng(seed), digits, np.arange(10), photos)


def test_a_scene_follows_from_its_generator(digits):
    first, again, other = (_scene(seed, digits) for seed in (4, 4, 5))
    assert (first.picture == again.picture).all()
    assert (first.objects.boxes == again.objects.boxes).all()
    assert first.picture.shape != other.picture.shape or (first.picture != other.picture).any()


def test_scenes_vary_and_their_boxes_lie_inside_and_apart(digits):
    scenes = [_scene(seed, digits) for seed in range(120)]
    assert {one.picture.shape[:2] for one in scenes} == set(SIZES)
    assert {len(one.objects) for one in scenes} >= set(range(5))
    assert {int(label) for one in scenes for label in one.objects.labels} == set(range(10))
    for one in scenes:
        height, width = one.picture.shape[:2]
        boxes = one.objects.boxes
        assert one.picture.dtype == np.uint8
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= [width, height]).all()
        assert ((boxes[:, 2:] - boxes[:, :2]) >= 2).all()
        table = overlaps(boxes, boxes) - np.eye(len(boxes))
        assert table.max(initial=0) <= 0.16


def test_a_box_holds_its_ink_tightly(digits, monkeypatch):
    monkeypatch.setattr(scene, "_PATCHES", 0.0)
    monkeypatch.setattr(scene, "_camera", lambda random, picture: picture)
    monkeypatch.setattr(
        scene, "_ground", lambda random, photos, h, w: np.full((h, w, 3), 128, np.uint8)
    )
    alone = 0
    for seed in range(80):
        drawn = _scene(seed, digits)
        if len(drawn.objects) != 1:
            continue
        ink = np.abs(drawn.picture.astype(int) - 128).max(axis=2)
        # Half of the strongest ink is where an edge lies.
        x, y, width, height = cv2.boundingRect((ink > ink.max() / 2).astype(np.uint8))
        np.testing.assert_allclose([x, y, x + width, y + height], drawn.objects.boxes[0], atol=1)
        alone += 1
    assert alone > 10


def test_photos_are_the_grounds(digits):
    red = np.zeros((100, 120, 3), np.uint8)
    red[:, :, 2] = 200
    shares = [
        (one.picture[:, :, 2] > one.picture[:, :, 0].astype(int) + 40).mean()
        for one in (_scene(seed, digits, [red]) for seed in range(40))
    ]
    assert np.mean(np.array(shares) > 0.4) > 0.7
