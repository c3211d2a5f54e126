"""A detector's training: targets, examples, and a run of the real thing on tiny data."""

import msgspec
import numpy as np
import pytest
import torch

from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.objects import ObjectDataset, Objects
from edgecnn.errors import DataError, RecipeError
from edgecnn.metadata import ImageInput
from edgecnn.training.recipe import load_recipe
from edgecnn.training.tasks.detect import Detect, ObjectExamples, as_targets
from edgecnn.training.tasks.yolo_loss import EMPTY

SPEC = ImageInput(height=64, width=64, colour="rgb")


class Squares:
    """Bright squares (class 0) and bars (class 1) on black, one to a picture."""

    targets = groups = validation = None

    def __init__(self, count, *, endless=False):
        self.info = DatasetInfo("squares", "all", ("square", "bar"), "0" * 64, "drawn", "CC0-1.0")
        self.count, self.endless = count, endless

    def __len__(self):
        return self.count

    def inputs(self, spec, indices=None):
        chosen = np.arange(self.count) if indices is None else indices
        return {spec.name: self.examples(spec, chosen)[0]}

    def examples(self, spec, numbers):
        tensors = np.full((len(numbers), *spec.shape), -1.0, np.float32)
        objects = []
        for row, number in enumerate(numbers):
            random = np.random.default_rng(int(number))
            label = int(random.integers(2))
            width, height = (24, 24) if label == 0 else (12, 40)
            x, y = random.integers(0, 64 - width), random.integers(0, 64 - height)
            tensors[row, :, y : y + height, x : x + width] = 1.0
            box = np.array([[x, y, x + width, y + height]], np.float32)
            objects.append(Objects(box, np.array([label])))
        return tensors, objects


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "squares.toml"
    path.write_text("""
name = "squares"
task = "detect"
[model]
name = "yolo-small"
arguments = { widths = [8, 16, 16, 32], depths = [1, 1] }
[data]
train = "unused"
validation = 0.2
[input]
kind = "image"
height = 64
width = 64
colour = "rgb"
[output]
name = "cells"
activation = "sigmoid"
min_score = 0.3
[output.boxes]
decoder = "yolo-v1"
[train]
epochs = 2
batch = 16
peak_rate = 0.01
seed = 3
""")
    return load_recipe(path)


def test_targets_are_shares_of_the_picture_large_objects_first():
    boxes = np.array([[0, 0, 8, 16], [16, 32, 64, 64]], np.float32)
    objects = [Objects(boxes, np.array([3, 5])), Objects(boxes[:0], np.empty(0, np.int64))]
    targets = as_targets(objects, SPEC)
    assert targets.shape == (2, 2, 5)
    assert targets[0].tolist() == [[0.625, 0.75, 0.75, 0.5, 5], [0.0625, 0.125, 0.125, 0.25, 3]]
    assert (targets[1, :, 4] == EMPTY).all()


def test_an_endless_dataset_gives_new_scenes_and_the_same_for_the_same_generator():
    examples = ObjectExamples(Squares(8, endless=True), SPEC, np.arange(8))
    index = torch.arange(4)
    draws = [
        examples.draw(index, torch.Generator().manual_seed(seed)).inputs["input"]
        for seed in (1, 1, 2)
    ]
    assert (draws[0] == draws[1]).all()
    assert not (draws[0] == draws[2]).all()


def test_one_that_is_not_gives_its_own():
    examples = ObjectExamples(Squares(8), SPEC, np.array([5, 6, 7]))
    batch = examples.draw(torch.tensor([2, 0]), torch.Generator())
    own, _ = Squares(8).examples(SPEC, [7, 5])
    assert (batch.inputs["input"].numpy() == own).all()


def test_the_split_is_the_recipes_share(recipe):
    inside, outside = Detect().plan(recipe, Squares(50)).split
    assert (len(inside), len(outside)) == (40, 10)
    assert not set(inside.tolist()) & set(outside.tolist())


def test_what_validates_comes_from_where_the_dataset_says(recipe):
    squares = Squares(50, endless=True)
    squares.validation = Squares(7)
    inside, outside = Detect().plan(recipe, squares).split
    assert (len(inside), len(outside)) == (50, 7)


def test_training_learns(recipe):
    from edgecnn.training.fit_state import FitState
    from edgecnn.training.loop import fit
    from edgecnn.training.network import build_module

    torch.manual_seed(0)
    settings = msgspec.structs.replace(recipe.train, epochs=6)
    dataset = Squares(160, endless=True)
    assert isinstance(dataset, ObjectDataset)
    task = Detect()
    plan = task.plan(recipe, dataset)
    parts = task.prepare(recipe, dataset, plan)
    state = FitState.fresh(build_module(recipe, plan.labels, plan.spec), settings)
    fit(state, parts.train, parts.validation, settings, parts.objective)
    assert state.history[-1].validation_loss < 0.6 * state.history[0].validation_loss
    assert state.history[-1].validation_map > 0.5
    from edgecnn.metadata import ModelMetadata

    metadata = ModelMetadata(
        name="squares", task="detect", labels=plan.labels, input=plan.spec, output=recipe.output
    )
    accuracy = task.test(state.average.module, Squares(40), metadata)
    assert (accuracy.metric, accuracy.n) == ("mAP@0.5", 40)
    assert accuracy.value > 0.5
    assert accuracy.per_class["bar"].average_precision > 0.3


def test_what_cannot_be_trained_is_named(recipe):
    from edgecnn.data.arrays import PictureArray

    pictures = PictureArray(Squares(1).info, np.zeros((2, 8, 8), np.uint8), np.zeros(2, np.int64))
    with pytest.raises(DataError, match="does not say where objects are"):
        Detect().plan(recipe, pictures)
    boxes = msgspec.structs.replace(recipe.output.boxes, decoder="yolov5")
    other = msgspec.structs.replace(
        recipe, output=msgspec.structs.replace(recipe.output, boxes=boxes)
    )
    with pytest.raises(RecipeError, match="YOLO v1's loss"):
        Detect().plan(other, Squares(4))
