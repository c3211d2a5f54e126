import dataclasses

import numpy as np
import pytest

from edgecnn.errors import TaskError
from edgecnn.explain.evidence import class_activation
from edgecnn.export.layers import Network
from edgecnn.runtime.class_map import ClassMaps, head_of
from edgecnn.runtime.images import ImageProcessor
from edgecnn.runtime.session import load_model


@pytest.mark.parametrize("name", ["cifar10-resnet", "cifar10-resnet.int8"])
def test_maps_are_those_that_explain_draws(name):
    """The same numbers, found without the onnx package."""
    model = load_model(f"bundled:{name}", provider="cpu", threads=1, check=False)
    maps = ClassMaps(model, head_of(model))
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    inputs = ImageProcessor(model).prepare(picture)
    network = Network(model.path)
    head = network.class_weights("logits")
    features = network.run([head.features], inputs)[head.features][0]
    for label in (0, 3, 9):
        expected = class_activation(features, head.weights, [label])[0]
        assert maps.map(inputs, label) == pytest.approx(expected, abs=1e-4)


def test_a_mean_of_something_else_is_refused():
    model = load_model("bundled:cifar10-resnet", provider="cpu", threads=1, check=False)
    wrong = dataclasses.replace(head_of(model), features="relu_8")
    with pytest.raises(TaskError, match="mean of whole maps"):
        ClassMaps(model, wrong)


def test_who_classifies_no_pictures_has_none():
    for name in ("ecg-beats", "digits-yolo", "mnist-lenet5"):
        assert head_of(load_model(f"bundled:{name}", provider="cpu", check=False)) is None
