"""Two classifiers whose answers are counted by hand."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from edgecnn.data.arrays import PictureArray
from edgecnn.data.dataset import DatasetInfo
from edgecnn.errors import DataError, TaskError
from edgecnn.evaluation.compare_classifiers import compare_classifiers
from edgecnn.evaluation.evaluate import evaluate_model
from edgecnn.evaluation.paired_answers import require_comparable
from edgecnn.metadata import CharacterInput, State
from edgecnn.runtime.session import load_model

LABELS = ("dark", "grey", "bright")


class Shifted:
    """The real model's session, fed with pictures that are brighter than they were."""

    def __init__(self, session, by):
        self.session, self.by = session, by

    def run(self, names, inputs, options=None):
        return self.session.run(
            names, {name: x + np.float32(self.by) for name, x in inputs.items()}
        )


@pytest.fixture(scope="module")
def model(picture_model):
    return load_model(picture_model, provider="cpu", check=False)


@pytest.fixture(scope="module")
def brighter(model):
    return dataclasses.replace(model, session=Shifted(model.session, 0.1))


def pictures(levels, targets=None):
    info = DatasetInfo("levels", "test", LABELS, "0" * 64, "drawn", "CC0-1.0")
    array = np.stack([np.full((28, 28), level, np.uint8) for level in levels])
    return PictureArray(info, array, None if targets is None else np.array(targets, np.int64))


#: Levels below 76 are dark, above 178 bright; with 25.5 more, from 51 on grey, from 153 on bright.
SET = pictures([10, 60, 70, 120, 160, 170, 240], [0, 0, 1, 1, 1, 2, 2])


def test_counted_by_hand(model, brighter):
    seen = []
    found = compare_classifiers(
        model, brighter, SET, progress=lambda done, total: seen.append((done, total))
    )
    # A: 0 0 0 1 1 1 2; B: 0 1 1 1 2 2 2.
    assert found.agreement == 3 / 7
    assert (found.test.only_first, found.test.only_second) == (2, 2)
    assert (found.first.value, found.second.value, found.difference) == (5 / 7, 5 / 7, 0)
    assert found.flips == (("dark", "grey", 2), ("grey", "bright", 2))
    assert [one.index for one in found.worst[:4]] != sorted(range(4))
    assert {one.index for one in found.worst[:4]} == {1, 2, 4, 5}
    by_index = {one.index: one for one in found.worst}
    assert by_index[2].label == "grey"
    assert (by_index[2].first[:4], by_index[2].second[:4]) == ("dark", "grey")
    assert seen[-1] == (14, 14)
    assert found.outputs.max_abs == pytest.approx(2.0, abs=1e-4)


def test_each_is_measured_as_by_itself(model, brighter):
    found = compare_classifiers(model, brighter, SET)
    assert found.first == evaluate_model(model, SET)
    assert found.second == evaluate_model(brighter, SET)


def test_without_labels_only_agreement(model, brighter):
    found = compare_classifiers(model, brighter, pictures([10, 60, 240]))
    assert found.agreement == 2 / 3
    assert (found.first, found.difference, found.test) == (None, None, None)


def test_a_limit_draws_the_same_for_both(model, brighter):
    found = compare_classifiers(model, brighter, SET, limit=3, seed=5)
    assert (found.n, len(found.indices)) == (3, 3)
    assert "3 examples drawn at random (seed 5)" in found.first.note
    again = compare_classifiers(model, brighter, SET, limit=3, seed=5)
    assert again.indices.tolist() == found.indices.tolist()


def test_labels_in_another_order_are_the_same_answers(model):
    order = [2, 0, 1]

    class Turned:
        def run(self, names, inputs, options=None):
            return [model.session.run(names, inputs)[0][:, order]]

    metadata = msgspec.structs.replace(model.metadata, labels=tuple(LABELS[i] for i in order))
    turned = dataclasses.replace(model, metadata=metadata, session=Turned())
    found = compare_classifiers(model, turned, SET)
    assert found.agreement == 1
    assert found.outputs.max_abs == 0
    assert found.second.value == found.first.value


def test_a_network_that_gives_no_numbers_is_compared_too(model):
    class Broken:
        def run(self, names, inputs, options=None):
            logits = model.session.run(names, inputs)[0].copy()
            logits[0] = np.nan
            return [logits]

    found = compare_classifiers(model, dataclasses.replace(model, session=Broken()), SET, batch=64)
    assert found.outputs.not_finite == 1
    assert found.outputs.max_abs == 0


def test_nothing_to_compare_on(model):
    empty = PictureArray(SET.info, np.empty((0, 28, 28), np.uint8), None)
    with pytest.raises(DataError, match="no examples"):
        compare_classifiers(model, model, empty)


def test_what_cannot_be_compared_is_refused(model, beat_model):
    beats = load_model(beat_model, provider="cpu", check=False)
    with pytest.raises(TaskError, match="pictures and heartbeats"):
        require_comparable(model, beats)
    strange = msgspec.structs.replace(model.metadata, labels=("dark", "grey", "blue"))
    with pytest.raises(TaskError, match="only one of them knows blue, bright"):
        require_comparable(model, dataclasses.replace(model, metadata=strange))
    text = msgspec.structs.replace(
        model.metadata,
        task="generate",
        labels=(),
        input=CharacterInput(
            vocabulary=("a", "b"), states=(State(input="c", output="d", shape=(1,)),)
        ),
    )
    writer = dataclasses.replace(model, metadata=text)
    with pytest.raises(TaskError, match="task classify and generate"):
        require_comparable(model, writer)
    letters = msgspec.structs.replace(text.input, vocabulary=("a", "z"))
    other = dataclasses.replace(model, metadata=msgspec.structs.replace(text, input=letters))
    with pytest.raises(TaskError, match="different characters"):
        require_comparable(writer, other)
