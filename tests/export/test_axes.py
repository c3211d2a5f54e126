from __future__ import annotations

import numpy as np
import pytest

from edgecnn.errors import UsageError
from edgecnn.export.axes import axis_names, axis_trials, free_axes
from edgecnn.metadata import (
    CharacterInput,
    ImageInput,
    ModelMetadata,
    SignalInput,
    TextInput,
)

IMAGE = ImageInput(height=8, width=10, colour="gray", layout="NHWC")
TEXT = TextInput(length=6, vocabulary=("", "", "good", "bad"))


def _contract(spec, **rest) -> ModelMetadata:
    fields = {"task": "classify", "labels": ("a", "b"), **rest}
    return ModelMetadata(name="t", input=spec, **fields)


def test_names_by_kind_of_input():
    assert axis_names(IMAGE) == {"input": {1: "height", 2: "width"}}
    assert axis_names(TEXT) == {"tokens": {1: "time"}}
    signal = SignalInput(sampling_rate_hz=100, leads=("I", "II"), samples=50)
    assert axis_names(signal) == {signal.name: {2: "time"}}


def test_only_what_is_asked_for_is_free():
    assert free_axes(_contract(IMAGE)) == {"input": {}}
    assert free_axes(_contract(IMAGE), ("width", "batch")) == {"input": {2: "width"}}


def test_what_the_contract_leaves_free_is_free():
    spec = CharacterInput(vocabulary=("a", "b"))
    contract = _contract(spec, task="generate", labels=())
    assert free_axes(contract) == {"characters": {1: "time"}}
    assert free_axes(contract, ("time",)) == {"characters": {1: "time"}}


def test_an_axis_that_there_is_none_of():
    with pytest.raises(UsageError, match="no axis named 'time'") as caught:
        free_axes(_contract(IMAGE), ("time",))
    assert caught.value.hint == "it has: batch, height, width"


def test_every_axis_is_tried_at_two_more_lengths():
    x = np.arange(4 * 8 * 10, dtype=np.float32).reshape(4, 8, 10)
    trials = axis_trials({"x": x}, {"x": {1: "height", 2: "width"}}, rows=3)
    assert [t.lengths for t in trials] == [
        {"height": 9},
        {"height": 12},
        {"width": 11},
        {"width": 15},
    ]
    assert [t.inputs["x"].shape for t in trials] == [
        (3, 9, 10),
        (3, 12, 10),
        (3, 8, 11),
        (3, 8, 15),
    ]
    # What is real stays real: rows come again from the beginning.
    np.testing.assert_array_equal(trials[0].inputs["x"][:, 8], x[:3, 0])
    assert axis_trials({"x": x}, {"x": {}}) == []
