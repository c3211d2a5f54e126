"""A detector measured: on pictures whose objects are known."""

import dataclasses

import numpy as np
import pytest

from edgecnn.data import open_dataset
from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.objects import Objects
from edgecnn.errors import DataError
from edgecnn.evaluation.detector import evaluate_outputs, same_boxes
from edgecnn.evaluation.evaluate import evaluate_model
from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output
from edgecnn.runtime.session import load_model

CONTRACT = ModelMetadata(
    name="pets",
    task="detect",
    labels=("bird", "cat", "dog"),
    input=ImageInput(height=40, width=40, colour="gray"),
    output=Output(activation="none", min_score=0.5, boxes=Boxes(decoder="yolov5")),
)


class Pets:
    """Pictures of one brightness, which names them; a cat here and a dog there in each."""

    targets = groups = validation = None
    endless = False

    def __init__(self, count, labels=("dog", "cat")):
        self.info = DatasetInfo("pets", "test", labels, "0" * 64, "drawn", "CC0-1.0")
        self.count = count

    def __len__(self):
        return self.count

    def inputs(self, spec, indices=None):
        chosen = np.arange(self.count) if indices is None else indices
        return {spec.name: self.examples(spec, chosen)[0]}

    def examples(self, spec, numbers):
        tensors = np.stack([np.full(spec.shape, number, np.float32) for number in numbers])
        boxes = np.array([[0, 0, 10, 10], [20, 20, 40, 30]], np.float32)
        return tensors, [Objects(boxes, np.array([1, 0])) for _ in numbers]


class Session:
    """Finds every dog, and the cat in pictures of even numbers only; sees a bird in the fifth."""

    def run(self, names, inputs, options=None):
        (tensor,) = inputs.values()
        assert len(tensor) == 1
        number = int(tensor[0, 0, 0, 0])
        cat = [5, 5, 10, 10, 1.0, 0.0, 0.9, 0.0]
        dog = [30, 25, 20, 10, 1.0, 0.0, 0.0, 0.6 if number % 3 else 0.3]
        bird = [10, 30, 5, 5, 1.0, 0.8 if number == 5 else 0.0, 0.0, 0.0]
        cat[6] *= 1 - number % 2
        return [np.array([[cat, dog, bird]], np.float32)]


@pytest.fixture
def detector(picture_model):
    model = load_model(picture_model, provider="cpu")
    return dataclasses.replace(model, metadata=CONTRACT, session=Session())


def test_map_and_what_reaches_the_threshold(detector):
    seen = []
    accuracy = evaluate_model(detector, Pets(12), progress=lambda done, of: seen.append((done, of)))
    assert (accuracy.metric, accuracy.n, accuracy.dataset) == ("mAP@0.5", 12, "pets")
    cat, dog, bird = (accuracy.per_class[name] for name in ("cat", "dog", "bird"))
    assert (cat.average_precision, cat.sensitivity, cat.positive_predictivity) == (0.5, 0.5, 1.0)
    # Faint dogs count for the average precision, not at the threshold.
    assert dog.average_precision == 1
    assert dog.sensitivity == pytest.approx(8 / 12)
    assert (bird.average_precision, bird.sensitivity, bird.n) == (None, None, 0)
    assert bird.positive_predictivity == 0
    assert accuracy.value == pytest.approx(0.75)
    assert accuracy.interval_95[0] <= 0.75 <= accuracy.interval_95[1]
    assert seen[-1] == (12, 12)
    assert "24 objects" in accuracy.note


def test_a_limit_draws_pictures(detector):
    accuracy = evaluate_model(detector, Pets(12), limit=5)
    assert accuracy.n == 5
    assert "5 pictures drawn at random (seed 0)" in accuracy.note


def test_outputs_computed_elsewhere_score_the_same(detector):
    outputs = np.concatenate(
        [
            detector.run({"input": tensor[None]})
            for tensor in Pets(12).inputs(CONTRACT.input)["input"]
        ]
    )
    whole = evaluate_outputs(outputs, Pets(12), CONTRACT, np.arange(12))
    assert whole == evaluate_model(detector, Pets(12))


def test_same_boxes_counts_pictures(detector):
    tensors = Pets(6).inputs(CONTRACT.input)["input"]
    outputs = np.concatenate([detector.run({"input": tensor[None]}) for tensor in tensors])
    assert same_boxes(outputs, outputs, CONTRACT) == 1
    moved = outputs.copy()
    moved[0, 0, 0] += 20  # the cat elsewhere
    moved[2, 0, 6] = 0.0  # no cat any more
    moved[1, 2, 5] = 0.4  # a bird below the threshold
    assert same_boxes(outputs, moved, CONTRACT) == pytest.approx(4 / 6)


def test_data_without_objects_or_with_strange_ones_is_refused(detector):
    pictures = PictureArray(Pets(1).info, np.zeros((2, 8, 8), np.uint8), np.zeros(2, np.int64))
    with pytest.raises(DataError, match="pets:test does not say where objects are"):
        evaluate_model(detector, pictures)
    with pytest.raises(DataError, match="labels that the model does not: cow"):
        evaluate_model(detector, Pets(3, labels=("dog", "cow")))


@pytest.mark.data
@pytest.mark.parametrize("name", ["digits-yolo", "digits-yolo.int8"])
def test_the_bundled_detector_is_as_good_as_its_file_says(name, data_root):
    model = load_model(f"bundled:{name}", provider="cpu", threads=1)
    (stated,) = model.measured.accuracy
    assert stated.value >= 0.9
    measured = evaluate_model(model, open_dataset("digit-scenes:test"), limit=250)
    assert measured.value == pytest.approx(stated.value, abs=0.03)
