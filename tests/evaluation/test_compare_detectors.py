"""Two detectors whose boxes are counted by hand."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.data.objects import Objects
from edgecnn.errors import TaskError
from edgecnn.evaluation.compare_detectors import compare_detectors
from edgecnn.evaluation.paired_answers import require_comparable
from edgecnn.metadata import Boxes, ImageInput, ModelMetadata, Output
from edgecnn.runtime.session import load_model

CONTRACT = ModelMetadata(
    name="pets",
    task="detect",
    labels=("cat", "dog"),
    input=ImageInput(height=40, width=40, colour="gray", scale=1.0),
    output=Output(activation="none", min_score=0.5, boxes=Boxes(decoder="yolov5")),
)
INFO = DatasetInfo("pets", "test", ("cat", "dog"), "0" * 64, "drawn", "CC0-1.0")


class Pets:
    """Pictures of one brightness, which numbers them; a cat in each."""

    info = INFO
    targets = groups = validation = None
    endless = False

    def __len__(self):
        return 8

    def inputs(self, spec, indices=None):
        return {spec.name: self.examples(spec, indices)[0]}

    def examples(self, spec, numbers):
        tensors = np.stack([np.full(spec.shape, number, np.float32) for number in numbers])
        box = np.array([[0, 0, 10, 10]], np.float32)
        return tensors, [Objects(box, np.array([0])) for _ in numbers]


class Session:
    """Finds the cat, but not in pictures from ``until`` on; scores in the order of ``labels``."""

    def __init__(self, until, order=(0, 1), faint=0.2):
        self.until, self.order, self.faint = until, order, faint

    def run(self, names, inputs, options=None):
        number = int(next(iter(inputs.values()))[0, 0, 0, 0])
        scores = [0.9 if number < self.until else self.faint, 0.0]
        return [np.array([[[5, 5, 10, 10, 1.0, *(scores[i] for i in self.order)]]], np.float32)]


@pytest.fixture
def detectors(picture_model):
    model = load_model(picture_model, provider="cpu", check=False)
    return [
        dataclasses.replace(model, metadata=CONTRACT, session=Session(until)) for until in (8, 6)
    ]


def test_boxes_and_map(detectors):
    seen = []
    found = compare_detectors(*detectors, Pets(), progress=lambda *pair: seen.append(pair))
    assert (found.agreement, found.n, found.agreement_on) == (6 / 8, 8, "same boxes")
    assert [one.index for one in found.worst] == [6, 7]
    assert (found.worst[0].first, found.worst[0].second) == ("cat 0.90", "nothing")
    # The faint boxes are right, and count for the average precision.
    assert (found.first.value, found.second.value, found.difference) == (1, 1, 0)
    assert found.second.per_class["cat"].sensitivity == 6 / 8
    assert seen[-1] == (8, 8)


def test_difference_of_map_has_a_paired_interval(detectors):
    blind = dataclasses.replace(detectors[0], session=Session(0))
    lost = msgspec.structs.replace(CONTRACT, labels=("dog", "cat"))
    blind = dataclasses.replace(blind, metadata=lost)  # what it finds, it calls a dog
    found = compare_detectors(detectors[0], blind, Pets())
    assert (found.difference, found.difference_interval_95) == (-1, (-1, -1))


def test_both_are_measured_on_the_same_drawn_pictures(detectors):
    """Or a detector would differ from itself."""
    partly = dataclasses.replace(detectors[0], session=Session(5, faint=0.0))
    found = compare_detectors(partly, partly, Pets())
    assert found.first.value == 5 / 8
    assert found.first.interval_95[0] < 0.5
    assert (found.difference, found.difference_interval_95) == (0, (0, 0))


def test_labels_in_another_order(detectors):
    contract = msgspec.structs.replace(CONTRACT, labels=("dog", "cat"))
    turned = dataclasses.replace(detectors[0], metadata=contract, session=Session(8, (1, 0)))
    found = compare_detectors(detectors[0], turned, Pets())
    assert (found.agreement, found.difference) == (1, 0)


def test_plain_pictures_give_agreement_only(detectors):
    levels = np.stack([np.full((40, 40), number, np.uint8) for number in range(8)])
    found = compare_detectors(*detectors, PictureArray(INFO, levels, None), limit=8)
    assert (found.agreement, found.first, found.difference) == (6 / 8, None, None)


def test_other_views_are_refused(detectors):
    wide = msgspec.structs.replace(CONTRACT.input, width=80)
    other = dataclasses.replace(
        detectors[1], metadata=msgspec.structs.replace(CONTRACT, input=wide)
    )
    with pytest.raises(TaskError, match="different sizes"):
        require_comparable(detectors[0], other)
    require_comparable(*detectors)
