"""``digit-scenes``: splits that share nothing, and the same scenes everywhere."""

import gzip

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.digit_scenes import SCENE_SPLITS, open_digit_scenes
from edgecnn.data.mnist import mnist_files
from edgecnn.data.objects import ObjectDataset
from edgecnn.errors import DataError
from edgecnn.metadata import BeatInput, BoxcarFilter, ImageInput, RhythmFeatures
from edgecnn.preprocessing.image import image_tensor

SPEC = ImageInput(height=160, width=160, colour="rgb", resize="letterbox", pad_value=114)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """MNIST's files with 5,200 and 300 drawn bars and rings."""
    folder = tmp_path_factory.mktemp("mnist")
    random = np.random.default_rng(0)
    for split, count in (("train", 5200), ("test", 300)):
        pictures = np.zeros((count, 28, 28), np.uint8)
        pictures[:, 4:24, 12:16] = random.integers(180, 256, (count, 1, 1))
        labels = random.integers(0, 10, count).astype(np.uint8)
        for name, array in zip(mnist_files(split), (pictures, labels), strict=True):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(
                n.to_bytes(4, "big") for n in array.shape
            )
            (folder / name).write_bytes(gzip.compress(head + array.tobytes(), 1))
    return folder


def test_all_splits_open_and_know_their_objects(mnist, tmp_path):
    for split, count in SCENE_SPLITS.items():
        scenes = open_digit_scenes(mnist, split, photos=tmp_path)
        assert isinstance(scenes, ObjectDataset)
        assert len(scenes) == count
        tensors, objects = scenes.examples(SPEC, np.arange(3))
        assert tensors.shape == (3, 3, 160, 160)
        assert [len(one.boxes) for one in objects] == [len(one.labels) for one in objects]
        assert (scenes.validation is not None) == (split == "train")
    assert "all grounds are drawn" in scenes.info.note


def test_splits_draw_other_scenes_from_other_digits(mnist, tmp_path):
    train, validation, test = (
        open_digit_scenes(mnist, split, photos=tmp_path) for split in SCENE_SPLITS
    )
    assert len(train._digits) == 200
    assert len(validation._digits) == 5000
    assert len(test._digits) == 300
    pictures = [scenes.scene(0).picture for scenes in (train, validation, test)]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[1], pictures[2])
    assert len({scenes.info.sha256 for scenes in (train, test)}) == 2


def test_inputs_are_the_one_preprocessing_and_objects_lie_in_the_tensor(mnist, tmp_path):
    scenes = open_digit_scenes(mnist, "test", photos=tmp_path)
    numbers = np.array([11, 3])
    tensors, objects = scenes.examples(SPEC, numbers)
    assert (scenes.inputs(SPEC, numbers)["input"] == tensors).all()
    for tensor, one, number in zip(tensors, objects, numbers, strict=True):
        scene = scenes.scene(int(number))
        assert (tensor == image_tensor(scene.picture, SPEC)).all()
        height, width = scene.picture.shape[:2]
        scale = 160 / max(height, width)
        offset = [(160 - width * scale) / 2, (160 - height * scale) / 2] * 2
        np.testing.assert_allclose(one.boxes, scene.objects.boxes * scale + offset, atol=0.6)


def test_beats_are_refused(mnist, tmp_path):
    spec = BeatInput(
        sampling_rate_hz=360,
        leads=("MLII",),
        before=9,
        after=9,
        filter=BoxcarFilter(baseline_s=0.6, smooth_s=0.02),
        rhythm=RhythmFeatures(),
    )
    with pytest.raises(DataError):
        open_digit_scenes(mnist, "test", photos=tmp_path).inputs(spec)


@pytest.mark.data
def test_the_real_one_opens_by_name(data_root):
    scenes = open_dataset("digit-scenes:test")
    assert len(scenes.photos) == 45
    assert "Flickr8k, ImageNet" in scenes.info.attribution
    found = np.concatenate([one.labels for one in scenes.examples(SPEC, np.arange(60))[1]])
    assert set(found.tolist()) == set(range(10))
